"""Traits are joined as of the cutoff, typed as they come, and never name a person."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.build.log_table import LearningTable, learning_table, scoring_table
from features.config.use_case import LogUseCase
from features.errors import DataError
from features.spec.data_report import ColumnReport, ProfilesReport
from tests.support.worlds import START, log_case, purchases, utc

N = 120
CUTOFF = utc(200)


def profiles(folder: Path, traits: dict[str, Any], **keys: Any) -> LogUseCase:
    """A log of 120 customers with profiles of these traits."""
    random = np.random.default_rng(7)
    frame = pl.DataFrame({"who": [f"c{i}" for i in range(N)], **traits}, strict=False)
    frame.sample(fraction=1.0, shuffle=True, seed=int(random.integers(100))).write_parquet(folder / "profiles.parquet")
    section = {"path": "profiles.parquet", "customer_id": "who", **keys}
    return log_case(folder, purchases(N), window={"test_cutoff": "2024-07-19"}, profiles=section)


def row(use_case: LogUseCase, customer: str) -> dict[str, Any]:
    """One customer's features at the cutoff."""
    return scoring_table(use_case, CUTOFF).row(by_predicate=pl.col("customer_id") == customer, named=True)


def profiles_report(table: LearningTable) -> ProfilesReport:
    """What the report says of the profiles."""
    found = table.report["profiles"]
    assert found is not None
    return found


def told(table: LearningTable, name: str) -> ColumnReport:
    """What the report says of a trait."""
    return next(each for each in profiles_report(table)["columns"] if each["name"] == name)


def test_traits_of_every_kind_become_features(tmp_path: Path) -> None:
    """Numbers, categories, booleans as they are, dates as ages, lists as counts, under groups where given."""
    traits = {
        "size": [i % 7 for i in range(N)],
        "sector": [("Retail", " retail", "Health")[i % 3] for i in range(N)],
        "vip": [i % 2 == 0 for i in range(N)],
        "signed up": [date(2024, 7, 5 + i % 5) for i in range(N)],
        "interests": [["Safety", "safety ", "Energy"][: i % 4] for i in range(N)],
    }
    use_case = profiles(tmp_path, traits, groups={"sector": "firmographic"})

    table, one = learning_table(use_case), row(use_case, "c4")

    by_name = {feature.name: feature for feature in table.features}
    assert (one["size"], one["vip"], one["sector"]) == (4, True, "Retail")
    assert one["signed_up_age_days"] == 10.0
    assert (one["interests_count"], one["interests_safety"], one["interests_energy"]) == (0, 0, 0)
    assert row(use_case, "c3")["interests_safety"] == 2
    assert by_name["sector"].family == "firmographic"
    assert set(by_name["sector"].levels) == {"Retail", "Health"}
    assert by_name["signed_up_age_days"].unit == "days"


@pytest.mark.parametrize("sign", [";", "|", ", "])
def test_lists_kept_as_text_are_lists(tmp_path: Path, sign: str) -> None:
    """Parted by a semicolon, a bar or a comma: the features of lists, and an empty text is no list."""
    lists = [["Safety", "safety ", "Energy", "Water"][i % 2 : 1 + i % 5] or None for i in range(N)]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    whole = scoring_table(profiles(tmp_path / "one", {"interests": lists}), CUTOFF)
    kept = profiles(tmp_path / "two", {"interests": [sign.join(each) if each else " " for each in lists]})

    assert scoring_table(kept, CUTOFF).equals(whole)
    assert {"interests_count", "interests_safety", "interests_energy", "interests_water"} <= set(whole.columns)
    assert told(learning_table(kept), "interests")["done"] == [f"a list parted by {sign.strip()!r}, counted"]


@pytest.mark.parametrize(
    "cells",
    [
        [f"{('Lyon', 'Paris', 'Nantes')[i % 3]}, France" for i in range(N)],
        ["1,5", "2,5", "10"] * 40,
        [f"Smith{i % 30}, Ann" for i in range(N)],
        ["web; mobile", "store"] * 60,
    ],
    ids=["places", "numbers", "names", "levels"],
)
def test_other_texts_are_no_lists(tmp_path: Path, cells: list[str]) -> None:
    """Texts whose parts are as many as the texts, or whose number of parts never varies, stay what they are."""
    table = learning_table(profiles(tmp_path, {"trait": cells, "size": [i % 7 for i in range(N)]}))

    assert not any("list" in done for done in told(table, "trait")["done"])


def test_a_trait_is_that_of_the_cutoff(tmp_path: Path) -> None:
    """The latest profile from strictly before the cutoff; one from the cutoff on is not known yet."""
    use_case = profiles(tmp_path, {"size": range(N)})
    moments = [START, CUTOFF.replace(tzinfo=None) - timedelta(seconds=1), CUTOFF.replace(tzinfo=None)]
    others = pl.DataFrame({"who": [f"c{i}" for i in range(3, N)], "since": START, "size": [i % 7 for i in range(3, N)]})
    own = pl.DataFrame({"who": ["c1"] * 3 + ["c2"], "since": [*moments, moments[2]], "size": [1, 2, 3, 9]})
    pl.concat([own, others], how="vertical_relaxed").write_parquet(tmp_path / "profiles.parquet")
    assert use_case.profiles is not None
    dated = use_case.model_copy(update={"profiles": use_case.profiles.model_copy(update={"valid_from": "since"})})

    assert row(dated, "c1")["size"] == 2
    assert row(dated, "c2")["size"] is None
    assert learning_table(dated).findings == ()


def test_traits_without_date_are_a_warning(tmp_path: Path) -> None:
    """Each trait that may not have been known at the cutoff is named, and nothing is blocked."""
    findings = learning_table(profiles(tmp_path, {"size": [i % 7 for i in range(N)]})).findings

    assert [(each.rule, each.feature, each.severity) for each in findings] == [
        ("trait_without_valid_from", "size", "warn")
    ]


def test_a_customer_without_profile_has_nulls(tmp_path: Path) -> None:
    """Traits are null, and completeness counts them as missing."""
    traits = {"size": [i % 7 for i in range(N)], "who": [f"c{i}" if i % 2 else f"other{i}" for i in range(N)]}
    use_case = profiles(tmp_path, traits)

    without, with_one = row(use_case, "c4"), row(use_case, "c3")

    assert (without["size"], with_one["size"]) == (None, 3)
    assert without["completeness"] < with_one["completeness"] == 1.0


@pytest.mark.parametrize(
    ("name", "cells", "why"),
    [
        ("E-mail", ["a", "b"] * 60, "personal by its name"),
        ("first name", ["a", "b"] * 60, "personal by its name"),
        ("Telephone", list(range(N)), "personal by its name"),
        ("account_no", list(range(5, 5 + 2 * N, 2)), "identifier by its name"),
        ("motto", [f"motto {i}" for i in range(N)], "free text or an identifier"),
        ("constant", ["a"] * N, "constant"),
    ],
)
def test_identifiers_are_refused(tmp_path: Path, name: str, cells: list[Any], why: str) -> None:
    """By name and by cardinality; the report says why."""
    table = learning_table(profiles(tmp_path, {name: cells, "size": [i % 7 for i in range(N)]}))

    assert name not in table.rows.columns
    assert why in (told(table, name)["dropped"] or "")
    assert "size" in table.rows.columns


def test_excluded_traits_are_no_features(tmp_path: Path) -> None:
    """What the use case excludes stays out."""
    table = learning_table(profiles(tmp_path, {"size": [i % 7 for i in range(N)]}, exclude=["size"]))

    assert "size" not in table.rows.columns
    assert told(table, "size")["role"] == "excluded"


def test_a_trait_does_not_take_a_features_name(tmp_path: Path) -> None:
    """A trait called like a feature, or like a column of ours, gets a prefix."""
    traits = {name: [i % 7 for i in range(N)] for name in ("Tenure_Days", "eligible", "customer_id")}

    names = scoring_table(profiles(tmp_path, traits), CUTOFF).columns

    assert {"trait_Tenure_Days", "trait_eligible", "trait_customer_id", "tenure_days"} <= set(names)


def test_a_second_profile_without_date_is_a_bad_row(tmp_path: Path) -> None:
    """The first stays, the second is counted."""
    traits = {"size": [i % 7 for i in range(N)], "who": ["c1", *[f"c{i}" for i in range(1, N)]]}

    table = learning_table(profiles(tmp_path, traits), quarantine=tmp_path / "quarantine")

    assert profiles_report(table)["bad_rows"]["rules"] == {"repeated_customer_id": 1}
    assert (tmp_path / "quarantine/case-profiles.parquet").exists()


def test_dates_may_be_text(tmp_path: Path) -> None:
    """An ISO date kept as text gives the same age."""
    as_text = [f"{datetime(2024, 7, 9):%Y-%m-%d}"] * 60 + ["2024-07-10"] * 60

    assert row(profiles(tmp_path, {"joined": as_text}), "c1")["joined_age_days"] == 10.0


def test_amounts_and_dates_of_traits_are_read_as_they_are_written(tmp_path: Path) -> None:
    """Found in the cells, or declared under `formats`."""
    traits = {
        "spend": [f"{i % 90} 000,50 €" for i in range(N)],
        "joined": [f"{1 + i % 28}/07/2023" for i in range(N)],
        "renewed": [f"0{1 + i % 9}/07/2023" for i in range(N)],
    }

    one = row(profiles(tmp_path, traits, formats={"renewed": "%d/%m/%Y"}), "c4")

    assert (one["spend"], one["joined_age_days"], one["renewed_age_days"]) == (4000.5, 380.0, 380.0)


def test_valid_from_is_read_as_it_is_written(tmp_path: Path) -> None:
    """The latest profile before the cutoff, whichever sorts last as text; without its form the key is named."""
    frame = pl.DataFrame(
        {"who": [f"c{i % N}" for i in range(2 * N)], "since": ["31/12/2023"] * N + ["01/02/2024"] * N,
         "size": [1] * N + [2] * N}
    )  # fmt: skip
    frame.write_parquet(tmp_path / "dated.parquet")
    keys = {"path": "dated.parquet", "customer_id": "who", "valid_from": "since"}
    log = purchases(N)

    use_case = log_case(tmp_path, log, profiles={**keys, "valid_from_format": "%d/%m/%Y"})

    assert row(use_case, "c4")["size"] == 2
    with pytest.raises(DataError, match=r"unreadable_valid_from.*profiles.valid_from_format"):
        learning_table(log_case(tmp_path, log, profiles=keys))
