"""Whether outside tables fit the profiles they are joined to: who is found, what contradicts, how old they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from features.point_in_time.labels import Cutoffs
from features.point_in_time.outside_tables import Contradictions, EnrichmentFacts
from features.point_in_time.traits import Traits
from features.spec.data_report import EnrichmentReport
from features.spec.feature import Finding, Scalar


def enrichment_reports(profiles: Traits | None, cutoffs: Cutoffs) -> list[EnrichmentReport]:
    """A line of the data report for each outside table."""
    return [] if profiles is None else [_report(facts, cutoffs) for facts in profiles.enrichments]


def enrichment_findings(profiles: Traits | None, cutoffs: Cutoffs) -> Iterator[Finding]:
    """A finding where hardly a key is found, where too much contradicts, where a table is old, newer or of no date."""
    for facts in () if profiles is None else profiles.enrichments:
        report = _report(facts, cutoffs)
        yield from _matches(facts, report)
        yield from (found for one in facts.contradictions if (found := _contradiction(facts, one)) is not None)
        yield from _age(facts, report, cutoffs)


def _report(facts: EnrichmentFacts, cutoffs: Cutoffs) -> EnrichmentReport:
    age = None if facts.as_of is None else (cutoffs.test - facts.as_of.replace(tzinfo=UTC)).days
    return {
        "name": facts.name,
        "file": facts.section.path.name,
        "key": facts.section.key,
        "on": facts.section.joined_on,
        "rows": facts.rows,
        "repeated_keys": facts.repeated,
        "profiles": facts.profiles,
        "with_key": facts.keyed,
        "matched": facts.matched,
        "match_rate": facts.matched / facts.keyed if facts.keyed else None,
        "contradictions": [
            {"column": one.column, "known": one.other, "compared": one.compared, "differ": one.differ}
            for one in facts.contradictions
        ],
        "as_of": None if facts.as_of is None else facts.as_of.date().isoformat(),
        "age_days": age,
        "columns": list(facts.columns),
    }


def _matches(facts: EnrichmentFacts, report: EnrichmentReport) -> Iterator[Finding]:
    rate = report["match_rate"] or 0.0
    if rate < facts.section.least_match:
        figures: dict[str, Scalar] = {"table": facts.name, "found": facts.matched, "profiles": facts.keyed}
        detail = (
            f"{facts.matched:,} of {facts.keyed:,} profiles with a key are in {facts.name!r} ({rate:.1%}, at least "
            f"{facts.section.least_match:.0%} are asked for): are keys written alike?"
        )
        yield Finding("enrichment_few_matches", None, "warn", detail, figures)
    if facts.repeated:
        detail = f"{facts.repeated:,} rows of {facts.name!r} repeat a key: one row of each key is taken."
        yield Finding("enrichment_repeated_keys", None, "warn", detail, {"table": facts.name, "rows": facts.repeated})


def _contradiction(facts: EnrichmentFacts, one: Contradictions) -> Finding | None:
    if one.differ <= facts.section.most_contradictions * one.compared:
        return None
    figures: dict[str, Scalar] = {
        "table": facts.name,
        "column": one.column,
        "known": one.other,
        "differ": one.differ,
        "compared": one.compared,
    }
    detail = (
        f"{one.column!r} of {facts.name!r} contradicts {one.other!r} of the profiles in {one.differ:,} of "
        f"{one.compared:,} rows: is it of the same people?"
    )
    return Finding("enrichment_contradicts", None, "warn", detail, figures)


def _age(facts: EnrichmentFacts, report: EnrichmentReport, cutoffs: Cutoffs) -> Iterator[Finding]:
    figures: dict[str, Scalar] = {"table": facts.name}
    if facts.as_of is None:
        detail = f"Nothing says of when {facts.name!r} is: give it `as_of` or `dated`."
        yield Finding("enrichment_of_no_date", None, "warn", detail, figures)
        return
    age, day = report["age_days"] or 0, f"{facts.as_of:%Y-%m-%d}"
    if age > facts.section.max_age:
        detail = f"{facts.name!r} is of {day}, {age:,} days before the test cutoff."
        yield Finding("enrichment_old", None, "warn", detail, {**figures, "day": day, "days": age})
    if _later(facts.as_of, cutoffs.train):
        detail = f"{facts.name!r} is of {day}, after a cutoff learned from: what it says may not have been known there."
        yield Finding("enrichment_after_cutoff", None, "warn", detail, {**figures, "day": day})


def _later(moment: datetime, cutoffs: Sequence[datetime]) -> bool:
    return moment.replace(tzinfo=UTC) > cutoffs[0]
