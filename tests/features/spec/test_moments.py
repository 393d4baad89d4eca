"""The grammar of moments."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec.moments import CANONICAL, FIRST, LAST, canonical, of_birth, plain_shape, read_moment
from tests.support.values import CORPUS, NOTHING, Value

WRITTEN = {"iso": None, "french": "%d/%m/%Y", "month": "%d %B %Y"}
MOMENTS = [value for value in CORPUS if value.column in WRITTEN and value.text]


@pytest.mark.parametrize("value", MOMENTS, ids=repr)
def test_a_text_is_the_moment_its_column_says(value: Value) -> None:
    """One that begins with its year needs no form."""
    moment = read_moment(value.cell, WRITTEN[value.column])

    assert moment == (None if value.means in (None, NOTHING) else value.means)


@pytest.mark.parametrize(
    ("text", "form", "moment"),
    [
        ("1709424000", "epoch_s", datetime(2024, 3, 3)),
        ("999999999", "epoch_s", datetime(2001, 9, 9, 1, 46, 39)),
        ("1709424000123", "epoch_ms", datetime(2024, 3, 3, 0, 0, 0, 123000)),
        ("45354.5", "excel_days", datetime(2024, 3, 3, 12)),
        ("45384.35", "excel_days", datetime(2024, 4, 2, 8, 24)),
        ("2024-03-03", "%d/%m/%Y | %Y-%m-%d", datetime(2024, 3, 3)),
        ("03/03/2024", "%Y-%m-%d | %d/%m/%Y", datetime(2024, 3, 3)),
        ("Mar 3, 2024", "%b %d, %Y", datetime(2024, 3, 3)),
        ("3 mars 2024 14:05", "%d %B %Y %H:%M", datetime(2024, 3, 3, 14, 5)),
        ("03/03/45", "%d/%m/%y", datetime(2045, 3, 3)),
        ("03/03/45", of_birth("%d/%m/%y"), datetime(1945, 3, 3)),
        ("03/03/26", of_birth("%d/%m/%y"), datetime(2026, 3, 3)),
        ("03/03/80", of_birth("%d/%m/%y"), datetime(1980, 3, 3)),
        ("20241231", "%Y%d%m", None),  # it has no thirty-first month, and is not read as another form
        ("2024-12-31", "%Y-%d-%m", None),
        ("nan", "epoch_s", None),
    ],
)
def test_a_text_is_read_by_its_form(text: str, form: str, moment: datetime | None) -> None:
    """Counts, names of months, several forms, births, and nothing that could mean another day."""
    assert read_moment(text, form) == (moment and moment.replace(tzinfo=UTC))


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28), timezones=st.timezones()))
def test_what_python_writes_is_read_back(moment: datetime) -> None:
    """In ISO form, in its zone and in UTC."""
    assert read_moment(moment.replace(fold=0).isoformat()[:32] if moment.utcoffset() is None else _iso(moment)) == (
        moment.astimezone(UTC)
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


@given(
    st.text(max_size=20), st.sampled_from([None, "%d/%m/%Y", "epoch_s", "excel_days", "%d %b %Y", "%Y%m%d | epoch_ms"])
)
def test_any_text_is_a_moment_within_bounds_or_none(text: str, form: str | None) -> None:
    """Whatever arrives."""
    moment = read_moment(text, form)
    assert moment is None or FIRST <= moment <= LAST


def test_a_canonical_text_stays_as_it_is() -> None:
    """What the grammar gives the engine to cast is what the engine casts by itself."""
    text = canonical("2025-03-01T10:00:00+02:00")

    assert text == "2025-03-01 08:00:00.000000"
    assert canonical(text) == text
    assert CANONICAL.startswith("[0-9]{4}")
    assert plain_shape("%d %B %Y") is None
