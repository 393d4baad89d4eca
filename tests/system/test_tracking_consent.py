"""Opens of mail without consent to tracking are no events, whichever door they come by; and what opens are worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.build.log_table import LearningTable, learning_table, rows_at, scoring_table
from features.build.without_opens import without_opens
from features.config.use_case import LogUseCase
from features.history.tracking_consent import OPENS, is_open
from features.tables.learning_table import ID
from scoring.answers.served_release import Live
from serving.customers.raw_events import prepare
from tests.support.models import release_log
from tests.support.worlds import START, as_bytes, load_log, utc, write_use_case
from training.report.opens_text import opens_text

CONSENT = ("yes", "OUI", " true ", "1", "on", "no", "non", "0", "maybe", "", "  ", None)
OPENED = ("Email Opened", "OUVERTURE")
AGREED = 5  # the first of these are a yes
AS_OF = utc(250)


def mails() -> pl.DataFrame:
    """A log of mails sent, opened in four spellings and clicked, and of purchases, with consent in every spelling."""
    random = np.random.default_rng(11)
    kinds = (*OPENED, "click", "purchase")
    rows = [
        (
            f"c{random.integers(0, 90)}",
            START + timedelta(minutes=int(minute)),
            kinds[random.choice(len(kinds), p=[0.3, 0.2, 0.2, 0.3])],
            CONSENT[random.integers(0, len(CONSENT))],
        )
        for minute in np.sort(random.integers(0, 300 * 1440, 3000))
    ]
    rows.append(("only-opens", START + timedelta(days=100), OPENED[0], None))
    return pl.DataFrame(
        rows,
        schema={"who": pl.String, "ts": pl.Datetime("us"), "kind": pl.String, "may_track": pl.String},
        orient="row",
    )


def case(folder: Path, log: pl.DataFrame, **events: Any) -> LogUseCase:
    """Who buys within 30 days, of a log."""
    folder.mkdir(exist_ok=True)
    log.write_parquet(folder / "events.parquet")
    columns = {"customer_id": "who", "timestamp": "ts", "type": {"column": "kind"}}
    sections = {
        "events": {"path": "events.parquet", **columns, **events},
        "window": {"observation": "30d", "prediction": "30d", "train_cutoffs": 2},
        "label": {"event": "purchase", "outcome": "present"},
    }
    return load_log(write_use_case(folder, sections))


def without_refused(log: pl.DataFrame) -> pl.DataFrame:
    """The log without opens that nobody consented to, by hand."""
    return log.filter(~pl.col("kind").is_in(OPENED) | pl.col("may_track").is_in(CONSENT[:AGREED]).fill_null(False))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the logs are."""
    return tmp_path_factory.mktemp("mails")


@dataclass(frozen=True)
class Asked:
    """The use case that heeds consent, and its learning table."""

    use_case: LogUseCase
    table: LearningTable


@pytest.fixture(scope="module")
def asked(folder: Path) -> Asked:
    """Of the log of mails."""
    use_case = case(folder / "asked", mails(), tracking_consent="may_track")
    return Asked(use_case, learning_table(use_case))


@pytest.fixture(scope="module")
def live(folder: Path, asked: Asked) -> Live:
    """A small model of the log."""
    return release_log(folder / "home", asked.use_case)


def test_opens_without_consent_are_as_if_they_had_never_been(folder: Path, asked: Asked) -> None:
    """The tables are those of a log from which they were taken by hand, to the bit; the report counts them."""
    log = mails()
    by_hand = case(folder / "by-hand", without_refused(log))

    there = scoring_table(asked.use_case, AS_OF)

    moments = asked.table.rows["__cutoff"].unique().sort().to_list()
    assert as_bytes(asked.table.rows) == as_bytes(rows_at(by_hand, moments))
    assert as_bytes(there) == as_bytes(scoring_table(by_hand, AS_OF))
    assert "only-opens" not in there["customer_id"].to_list()
    refused = len(log) - len(without_refused(log))
    notes = [note for note in asked.table.report["notes"] if note["rule"] == "no_tracking_consent"]
    assert [note["figures"] for note in notes] == [{"rows": refused}]
    assert (asked.table.report["rows"], asked.table.report["bad_rows"]["total"]) == (len(log) - refused, 0)
    assert refused > 500


def test_posted_events_have_the_same_meaning(asked: Asked, live: Live) -> None:
    """Each customer's history posted gives the row of the table, under the log's name and under ours."""
    log = mails().filter(pl.col("ts") < AS_OF.replace(tzinfo=None))
    table = scoring_table(asked.use_case, AS_OF)
    names = [name for name in table.columns if name not in ("customer_id", "eligible")]
    customers = [*table["customer_id"].head(12), "only-opens"]

    for name in ("may_track", "tracking_consent"):
        profiles = [
            {
                "customer_id": who,
                "as_of": AS_OF.isoformat(),
                "events": [
                    {"ts": ts.isoformat(), "kind": kind, name: consent}
                    for ts, kind, consent in log.filter(who=who).select("ts", "kind", "may_track").iter_rows()
                ],
            }
            for who in customers
        ]
        prepared = prepare(profiles, {"case": live}, ["case"])

        rows = {row["customer_id"]: row for row in table.iter_rows(named=True)}
        for who, profile in zip(customers[:-1], prepared, strict=False):
            assert profile.features["case"] == pytest.approx({key: rows[who][key] for key in names}, nan_ok=True), who
        assert prepared[-1].answers["case"]["status"] == "insufficient_data"


@pytest.mark.parametrize(("consent", "opens"), [(True, 1), (1, 1), ("Oui", 1), (False, 0), (None, 0), ("x", 0)])
def test_consent_may_be_posted_as_json_has_it(live: Live, consent: Any, opens: int) -> None:
    """A yes in any language, true or one; whatever else is none."""
    mail = {"ts": "2024-08-01", "kind": OPENED[0], "may_track": consent}
    events = [{"ts": "2024-08-01", "kind": "click"}, mail]
    profile = {"customer_id": "a", "as_of": "2024-08-02", "events": events}

    [prepared] = prepare([profile], {"case": live}, ["case"])

    assert prepared.features["case"]["email_openeds_7d"] == opens
    assert prepared.features["case"]["clicks_7d"] == 1


def test_without_opens_only_what_they_make_is_another(folder: Path, asked: Asked) -> None:
    """The same customers, cutoffs and outcomes in the same order; the features are those of a log without any open."""
    learned = asked.table.rows
    plain = case(folder / "none", mails().filter(~pl.col("kind").is_in(OPENED)))

    rows = without_opens(asked.use_case, learned)

    kept = [name for name in learned.columns if name.startswith("__")]
    assert as_bytes(rows.select(kept)) == as_bytes(learned.select(kept))
    assert rows["email_openeds_total"].fill_null(0).sum() == 0 < learned["email_openeds_total"].sum()
    others = rows_at(plain, learned["__cutoff"].unique().sort().to_list())
    shared = [name for name in others.columns if name in rows.columns]
    both = rows.join(others.select(ID, "__cutoff"), on=[ID, "__cutoff"], how="semi", maintain_order="left")
    assert len(shared) > 20
    assert as_bytes(both.select(shared)) == as_bytes(others.select(shared))


def test_what_opens_are_worth_is_said_in_words() -> None:
    """A gain that is sure, one that is not, a loss, and where nothing is left without them, in both languages."""

    def line(mean: float, low: float, high: float) -> Any:
        interval = {"mean": mean, "low": low, "high": high}
        return {"log_loss_gain": interval, "roc_auc_gain": interval, "log_loss_without": 0.61}

    assert opens_text(line(0.012, 0.004, 0.02), "en").startswith(
        "Opens of mail lower the log-loss by 0.0120 (95% interval 0.0040 to 0.0200)"
    )
    assert "worth something" in opens_text(line(0.012, 0.004, 0.02), "en")
    assert "holds 0" in opens_text(line(0.001, -0.004, 0.02), "en")
    assert "do harm" in opens_text(line(-0.01, -0.02, -0.004), "en")
    assert "0,0120" in opens_text(line(0.012, 0.004, 0.02), "fr")
    nothing: Any = {"log_loss_gain": None, "roc_auc_gain": None, "log_loss_without": None}
    assert "lives by them" in opens_text(nothing, "en")


def test_what_an_open_is() -> None:
    """By its slug, numbered or not; what else is opened is none."""
    assert all(map(is_open, OPENS))
    assert is_open("open_2")
    assert not any(map(is_open, ("account_opened", "opening_hours", "reopen", "send", "click", "opener")))
