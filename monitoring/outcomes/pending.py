"""The customers of a day set down before anybody knows what becomes of them, with the estimate that goes with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.columns.expressions import slug
from features.config.use_case import UseCase
from features.spec.feature import CUSTOMER_ID, Feature
from features.spec.suppression_list import objectors_of
from features.tables.outcome_schema import FIRST_OUTCOME, OUTCOME
from monitoring.estimate.expectation import expected_quality
from monitoring.outcomes.outcome_file import (
    OutcomeFacts,
    as_frame,
    facts_of,
    outcomes_file,
    read_outcomes_of,
    write_outcomes,
)
from scoring.health.matured_windows import MaturedWindow
from scoring.population.days import Day
from scoring.population.read_days import without
from scoring.releases.store import load_release

RFM = ("recency", "frequency", "monetary", "tenure")  # families, as the baseline of training has them
SCORED = "scored"


def keep_day(home: Path, use_case: UseCase, day: Day, windows: Sequence[MaturedWindow]) -> bool:
    """Sets down whom a use case scored on a day; returns whether there was anything new.

    Two versions may have scored a day one after the other: both stay. A version that scored it again, from other data,
    is set down anew as long as no outcome of it is known.

    Raises:
        BundleError: What scored the day is gone.
        OutcomeError: The file that is there is damaged.
        PopulationError: The day is.
    """
    name, version = use_case.name, day.manifest.models[use_case.name]
    file = outcomes_file(home, name, day.manifest.as_of)
    there = file.exists()
    facts = facts_of(file) if there else _no_facts(use_case, day)
    if facts.runs.get(version) == day.manifest.run_id:
        return False
    kept = read_outcomes_of(home, file).rows if there else None
    if kept is not None and _is_known(kept.filter(pl.col("version") == version)):
        return False
    bundle = load_release(home, name, version=version, threads=1).bundle
    rows = _scored_rows(home, use_case, day, bundle.features)
    estimate = expected_quality(bundle, rows["probability"].to_numpy(), day.manifest.as_of, windows)
    facts = msgspec.structs.replace(
        facts,
        runs={**facts.runs, version: day.manifest.run_id},
        estimates={**facts.estimates, version: estimate},
    )
    others = [] if kept is None else [kept.filter(pl.col("version") != version)]
    write_outcomes(home, facts, pl.concat([*others, rows], how="diagonal"))
    return True


def _no_facts(use_case: UseCase, day: Day) -> OutcomeFacts:
    return OutcomeFacts(use_case=use_case.name, as_of=day.manifest.as_of, known_on=known_on(use_case, day))


def _is_known(rows: pl.DataFrame) -> bool:
    return bool(rows[OUTCOME].is_not_null().any())


def known_on(use_case: UseCase, day: Day) -> date | None:
    """The first day on which the outcome of all is known; None of a ready table, which says no window."""
    if use_case.source != "log":
        return None
    ends = day.manifest.as_of + timedelta(days=use_case.window.gap + use_case.window.prediction)
    whole = ends.replace(hour=0, minute=0, second=0, microsecond=0)
    return (ends if ends == whole else whole + timedelta(days=1)).date()


def rfm_of(use_case: UseCase, features: Sequence[Feature]) -> dict[str, str]:
    """The features of the trade's own model, by family: of the event that is predicted, over the whole log."""
    if use_case.source != "log":
        return {}
    events = (slug(use_case.label.event), None)
    lifetime = [one for one in features if one.family in RFM and one.window_days is None and one.event in events]
    return {family: name for family in RFM if (name := next((f.name for f in lifetime if f.family == family), None))}


def _scored_rows(home: Path, use_case: UseCase, day: Day, features: Sequence[Feature]) -> pl.DataFrame:
    """Those who were scored, with the RFM features where the day still has them."""
    name, objectors = use_case.name, objectors_of(home)
    own = {f"{name}_{column}": column for column in ("version", "probability", "band")}
    columns = [CUSTOMER_ID, "segment", f"{name}_status", *own]
    tables = [without(pq.read_table(path, columns=columns), objectors) for path in day.parts]
    rows = as_frame(pa.concat_tables(tables)).rename(own)
    rows = rows.filter(pl.col(f"{name}_status") == SCORED).drop(f"{name}_status")
    unknown = pl.lit(None, pl.Int8)
    rows = rows.with_columns(unknown.alias(OUTCOME), unknown.alias(FIRST_OUTCOME))
    rfm = rfm_of(use_case, features)
    parts = [
        path for one in sorted(day.manifest.files) if one.startswith(f"features-{name}-") and (path := day.file(one))
    ]
    if not rfm or not parts:
        return rows
    values = [pl.col(column).cast(pl.Float64).alias(f"rfm_{family}") for family, column in rfm.items()]
    return rows.join(pl.read_parquet(parts).select(CUSTOMER_ID, *values), on=CUSTOMER_ID, how="left")
