from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.audiences.consent import COLUMNS, ConsentStatus, read_consent
from scoring.audiences.snapshot import AudienceError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SIGNED = {"channel": "email", "purpose": "marketing", "source": "shop", "text_version": "3"}


def row(
    customer: str, granted: int | str | None, withdrawn: int | str | None = None, **changes: str | None
) -> dict[str, Any]:
    """A row of the table; moments as days before `NOW`, or as texts."""
    moments = [(NOW - timedelta(days=one)).isoformat() if isinstance(one, int) else one for one in (granted, withdrawn)]
    cells = {"customer_id": customer, "granted_at": moments[0], "withdrawn_at": moments[1], **SIGNED, **changes}
    return {name: cells[name] for name in COLUMNS}


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows in a file of the path's kind."""
    texts = pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in COLUMNS]))
    (pacsv.write_csv if path.suffix == ".csv" else pq.write_table)(texts, path)
    return path


def status(path: Path, *, channel: str = "email", purpose: str = "marketing", at: datetime = NOW) -> ConsentStatus:
    """What the file says."""
    return read_consent(path, channel=channel, purpose=purpose, at=at)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_consent_is_the_latest_word_by_channel_and_purpose(tmp_path: Path, ending: str) -> None:
    """Granted and not withdrawn by then; a grant, or a withdrawal, of tomorrow does not count yet."""
    path = table(
        tmp_path / f"consent.{ending}",
        [
            row("granted", 30),
            row("withdrawn", 30, 2),
            row("granted again", 30, 20),
            row("granted again", 10),
            row("withdrawn at last", 10),
            row("withdrawn at last", 30, 5),
            row("tomorrow", -1),
            row("goes tomorrow", 30, -1),
            row("at this moment", 0),
            row("by telephone", 30, channel="sms"),
            row("for studies", 30, purpose="study"),
            row("spelled", 30, channel=" Email", purpose="MARKETING "),
            row("at once", 3),
            row("at once", 9, 3),
        ],
    )

    assert status(path) == ConsentStatus(
        frozenset({"granted", "granted again", "goes tomorrow", "at this moment", "spelled"}),
        frozenset({"withdrawn", "withdrawn at last", "at once"}),
    )
    assert status(path, channel="SMS ").granted == {"by telephone"}
    assert status(path, purpose="study").granted == {"for studies"}
    assert status(path, at=NOW + timedelta(days=2)).granted >= {"tomorrow", "granted"}
    assert "goes tomorrow" in status(path, at=NOW + timedelta(days=2)).withdrawn


def test_moments_may_be_typed(tmp_path: Path) -> None:
    """Timestamps of any unit and zone, and dates, are the moments that their texts are."""
    moments = {
        "granted_at": pa.array([NOW - timedelta(days=1)], pa.timestamp("ns", "Europe/Paris")),
        "withdrawn_at": pa.array([NOW.date()], pa.date32()),
    }
    texts = {name: pa.array([text]) for name, text in (("customer_id", "c1"), *SIGNED.items())}
    pq.write_table(pa.table({**texts, **moments}), tmp_path / "consent.parquet")

    assert status(tmp_path / "consent.parquet").withdrawn == {"c1"}
    assert status(tmp_path / "consent.parquet", at=NOW - timedelta(hours=13)).granted == {"c1"}


def test_every_broken_row_is_named_once_in_one_error(tmp_path: Path) -> None:
    """By number and rule, never by its customer; what is sound counts for nothing then."""
    rows = [
        row("fine", 3),
        row("", 3),
        row("secret1", "soon"),
        row("secret2", None),
        row("secret3", 3, "never"),
        row("secret4", 3, 4),
        row("secret5", 3, channel=" "),
        row("secret6", 3, source=None, text_version=None),
        row("secret7", 3, text_version=""),
    ]

    with pytest.raises(AudienceError) as error:
        status(table(tmp_path / "consent.parquet", rows))

    message = str(error.value)
    for rule in (
        "customer_id must not be blank, got another in row 2.",
        "granted_at must be a moment in ISO form, got another in rows 3-4.",
        "withdrawn_at must be blank or a moment in ISO form, got another in row 5.",
        "withdrawn_at must not be before granted_at, got another in row 6.",
        "channel must not be blank, got another in row 7.",
        "source must not be blank, got another in row 8.",
        "text_version must not be blank, got another in rows 8-9.",
    ):
        assert rule in message
    assert "secret" not in message


def test_a_table_without_its_columns_is_none(tmp_path: Path) -> None:
    """Each that is missing is named."""
    pq.write_table(pa.table({"customer_id": ["c"], "channel": ["email"]}), tmp_path / "consent.parquet")

    with pytest.raises(AudienceError, match="none named purpose, granted_at, withdrawn_at, source, text_version"):
        status(tmp_path / "consent.parquet")


@given(
    st.lists(
        st.tuples(st.integers(-20, 20), st.none() | st.integers(0, 20), st.sampled_from(["email", "sms"])), max_size=8
    ),
    st.randoms(use_true_random=False),
)
def test_no_order_of_rows_and_no_word_after_the_moment_matters(
    tmp_path_factory: pytest.TempPathFactory, grants: list[tuple[int, int | None, str]], shuffler: random.Random
) -> None:
    """Whoever may be addressed is one whose last word up to the moment is a grant."""
    rows = [row("c", ago, None if after is None else ago - after, channel=channel) for ago, after, channel in grants]
    words = [(-ago, False) for ago, _, channel in grants if channel == "email" and ago >= 0]
    words += [
        (after - ago, True)
        for ago, after, channel in grants
        if after is not None and channel == "email" and after - ago <= 0
    ]
    folder = tmp_path_factory.mktemp("consent")
    shuffled = shuffler.sample(rows, len(rows))

    found = [status(table(folder / "consent.parquet", some)) for some in (rows, shuffled)]

    assert found[0] == found[1]
    assert found[0].granted == ({"c"} if words and not max(words)[1] else set())
    assert found[0].withdrawn == ({"c"} if words and max(words)[1] else set())
