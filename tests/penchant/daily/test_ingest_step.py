"""The first step of a day: sources that answer land, one that does not leaves what landed before."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake

from features.config.use_case import UseCase
from features.landing.copies import commit, only_lander
from features.landing.manifest import LandedManifest
from penchant.daily.ingest_step import bring_up_to_date
from penchant.daily.run_file import load_run_file
from penchant.daily.run_state import RunState

ROWS = pa.table({"customer": ["a", "b"], "at": [datetime(2026, 1, 1), datetime(2026, 1, 2)], "amount": [1.5, 2.5]})
USE_CASE = """
name = "{name}"
polarity = "positive"
[events]
path = "{path}"
customer_id = "customer"
timestamp = "at"
type = "purchase"
{keys}
[freshness]
at_most = "2d"
[window]
prediction = "90d"
[label]
event = "purchase"
outcome = "present"
"""


def day_of(home: Path, **paths: tuple[str, str]) -> dict[str, UseCase]:
    """The use cases of a home, each at an address."""
    home.mkdir(exist_ok=True)
    for name, (path, keys) in paths.items():
        (home / f"{name}.toml").write_text(USE_CASE.format(name=name, path=path, keys=keys))
    (home / "run.toml").write_text("".join(f'[[use_case]]\nfile = "{name}.toml"\n' for name in paths))
    return load_run_file(home)[1]


def test_what_answers_lands_and_what_does_not_stays(tmp_path: Path) -> None:
    """With notes on both, and on what is too old; the use cases then read what landed."""
    home = tmp_path / "home"
    write_deltalake(tmp_path / "log", ROWS)
    use_cases = day_of(home, near=("delta://../log", ""), far=("postgres://ann@127.0.0.1:9/shop", 'table = "t"'))
    landed_before(home, use_cases["far"])
    use_cases, state = load_run_file(home)[1], RunState("", "2026-03-01")

    found = bring_up_to_date(home, use_cases, state)

    [step] = state.steps
    paths = {name: one.events.path for name, one in found.items() if one.source == "log"}
    assert {name: sum(pq.read_metadata(part).num_rows for part in path.iterdir()) for name, path in paths.items()} == {
        "near": 2,
        "far": 1,
    }
    assert (step.name, step.status, step.rows) == ("ingest", "done", 2)
    assert "the sources of far do not answer, what landed before is used" in (step.note or "")
    assert "days old, at most 2 are accepted" in (step.note or "")


def landed_before(home: Path, use_case: UseCase) -> None:
    """A copy that an earlier ingest left."""
    assert use_case.source == "log"
    source = use_case.events.source_name
    with only_lander(home, source) as work:
        (work / "rows").mkdir()
        pq.write_table(ROWS.slice(1), work / "rows/part-00000.parquet")
        manifest = LandedManifest(
            source=source,
            address="postgres://127.0.0.1:9/shop",
            columns={},
            schema_digest="",
            rows=1,
            digest="",
            parts=(),
            read_at="2026-01-01T00:00:00+00:00",
            full_at=datetime.now(UTC).isoformat(),
        )
        commit(home, work, work / "rows", manifest)


def test_a_day_without_addresses_has_no_such_step(tmp_path: Path) -> None:
    """Files of this machine need no landing."""
    use_cases, state = day_of(tmp_path, near=("log.parquet", "")), RunState("", "2026-03-01")

    assert bring_up_to_date(tmp_path, use_cases, state) == use_cases
    assert state.steps == []
