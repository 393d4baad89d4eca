"""Columns that know more than they could have known: findings about a learning table, each naming its feature.

A feature of an honest table is a hint: its values shift the odds of the label. What does more is named.

- `separates_alone`: the feature alone ranks nearly every pair of a positive and a negative row rightly.
- `outweighs_all_others`: it explains of the label what all other features together do not.
- `one_class_only`: a value, a range, or what is missing or filled, occurs with one class only, beyond chance and
  beyond what the rows next to it lead one to expect. Corrected for the number of groups looked at (Bonferroni).
- `holds_the_future`: it equals another feature but for rows of one class: a total that goes on after the cutoff.
- `dated_after_cutoff`: dates of it lie after the moment it should have been known at.
- `identifier_tells`: an identifier, which no model reads, gives the class away: the table was built by outcome.

`block` is kept for evidence that an honest feature does not give; a question is a `warn`. Features computed here from a
log are shown to be blind to the future (`features.leakage.perturbation`), so that about them there are questions only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from features.leakage.later_states import later_states
from features.leakage.one_class import OneClassEvidence, one_class_only
from features.leakage.row_slices import RowSlice, slices_of
from features.leakage.univariate import (
    Grouping,
    UnivariateEvidence,
    explained_together,
    group,
    group_numbers,
    numbers,
)
from features.spec.feature import Feature, Finding
from features.tables.learning_table import ORDER, LearningTable

NEARLY_PERFECT = 0.97  # lower bound of the AUC of a feature alone
ASKED, STRONG, COPY = 0.15, 0.35, 0.65  # share of the log-loss it explains alone: to be looked at, asked about, a copy
ADDED, ADDED_TO_REST = 0.175, 0.5  # what it explains beyond all others: in all, and against what they explain together
LEAST_OTHERS = 5  # other features without which there is nothing to be compared with
SAMPLE, WIDEST = 10_000, 40  # rows and features of the comparison with all others
PLANNED = 0.01  # share of rows with a date after the cutoff that is worth a question


def leak_findings(table: LearningTable, accepted: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings about a learning table; those on an `accepted` feature or column (with the reason) only warn."""
    traits = (
        {feature.name for trait in table.feature_plan.traits for feature in trait.features}
        if table.feature_plan
        else set()
    )
    proven = [feature.name for feature in table.features if table.feature_plan and feature.name not in traits]
    subjects = {feature.name: feature.subject for feature in table.features if feature.name not in proven}
    found = leaks(table.rows, table.features, proven=proven)
    return tuple(_accepted(finding, accepted, subjects.get(finding.feature or "")) for finding in found)


def leaks(rows: pl.DataFrame, features: Sequence[Feature], *, proven: Collection[str] = ()) -> tuple[Finding, ...]:
    """The findings about features in rows; `proven` are those that cannot have seen the future.

    The latest cutoff is looked at by itself: what was filled in after it need not show at earlier ones.
    """
    found: list[Finding] = []
    slices = [each for each in slices_of(rows) if 0 < each.label.sum() < len(each.label)]
    with threadpool_limits(1, user_api="blas"):
        for each in slices:
            found += _of_slice(each, features, proven, slices=len(slices))
    return tuple(_worst(found))


def identifiers(rows: pl.DataFrame, dropped: Sequence[pl.Series]) -> tuple[Finding, ...]:
    """The dropped columns, cells as they came, whose value, last digit, length, first or last sign reveals the class.

    `rows` holds `__label` and `__group` of the same rows.
    """
    whole, found = RowSlice.of(rows), []
    if not 0 < whole.label.sum() < len(whole.label):
        return ()
    for cells in dropped:
        views = {what: whole.evidence(view) for what, view in _views(cells)}
        what = max(views, key=lambda name: views[name].auc_low, default="")
        if what and views[what].auc_low >= NEARLY_PERFECT:
            detail = (
                f"{cells.name!r} is no feature, yet its {what} tells the class (AUC {views[what].auc:.3f}): "
                "rows were numbered or put together by their outcome."
            )
            found.append(
                Finding(
                    "identifier_tells", cells.name, "warn", detail, {"what": what, "auc": _rounded(views[what].auc)}
                )
            )
    return tuple(found)


def _accepted(finding: Finding, accepted: Mapping[str, str], subject: str | None) -> Finding:
    why = accepted.get(finding.feature or "") or accepted.get(subject or "")
    if why is None:
        return finding
    figures = {**finding.figures, "accepted": why}
    return replace(finding, severity="warn", detail=f"{finding.detail} Accepted: {why}", figures=figures)


def _of_slice(
    each: RowSlice, features: Sequence[Feature], proven: Collection[str], *, slices: int
) -> Iterator[Finding]:
    groupings = {feature.name: group(each.rows[feature.name]) for feature in features}
    evidence = {name: each.evidence(grouping) for name, grouping in groupings.items()}
    groups = slices * sum(len(seen.rows) for seen in evidence.values())
    perfect = []
    for feature in features:
        name, safe = feature.name, feature.name in proven
        alone = _separates(name, evidence[name], [*_digits(each, feature)])
        one_class = [] if alone else one_class_only(groupings[name], evidence[name], groups)
        found = [alone] if alone else [_one_class(name, each) for each in one_class if each.strong or not safe]
        perfect += [name] if alone else []
        yield from (replace(finding, severity="warn") if safe else finding for finding in found)
    yield from _outweighing(each, evidence, proven)
    yield from _dated(each, features)
    yield from later_states(each, [feature for feature in features if feature.name not in perfect], proven)


def _separates(name: str, seen: UnivariateEvidence, further: Sequence[UnivariateEvidence]) -> Finding | None:
    best = max([seen, *further], key=lambda each: each.auc_low)
    if best.auc_low < NEARLY_PERFECT:
        return None
    detail = f"{name!r} alone separates the classes nearly perfectly (AUC {best.auc:.3f})."
    return Finding("separates_alone", name, "block", detail, {"auc": _rounded(best.auc)})


def _one_class(name: str, evidence: OneClassEvidence) -> Finding:
    detail = f"{name!r} {evidence.text}."
    return Finding("one_class_only", name, "block" if evidence.strong else "warn", detail, evidence.figures)


def _rounded(figure: float) -> float:
    return round(float(figure), 4)


def _digits(each: RowSlice, feature: Feature) -> Iterator[UnivariateEvidence]:
    """What the last digit explains, of whole numbers that differ in nearly every row."""
    cells = each.rows[feature.name]
    if feature.type == "integer" and cells.n_unique() > 0.9 * len(cells):
        yield each.evidence(group_numbers(numbers(cells) % 10))


def _views(cells: pl.Series) -> Iterator[tuple[str, Grouping]]:
    """The views of an identifier that could show the class."""
    if cells.dtype.is_numeric():
        yield "value", group_numbers(numbers(cells))
        yield "last digit", group_numbers(numbers(cells) % 10)
    elif cells.dtype == pl.String:
        yield "order as text", group_numbers(numbers(cells.rank("dense")))
        yield "length", group_numbers(numbers(cells.str.len_chars()))
        yield "first sign", group(cells.str.slice(0, 1))
        yield "last sign", group(cells.str.slice(-1))


def _outweighing(
    each: RowSlice, evidence: Mapping[str, UnivariateEvidence], proven: Collection[str]
) -> Iterator[Finding]:
    """Features that explain more beyond all others than honest ones do."""
    strong = [name for name, seen in evidence.items() if seen.explained >= ASKED and name not in proven]
    strong = sorted(strong, key=lambda name: -evidence[name].explained)[:3]
    sample = np.random.default_rng(0).permutation(len(each.label))[:SAMPLE]
    label = each.label[sample]
    if not strong or not 0 < label.sum() < len(label):
        return
    ranked = sorted(evidence, key=lambda name: -evidence[name].explained)[:WIDEST]
    weights = {name: evidence[name].weight[sample] for name in ranked}
    together = explained_together([*weights.values()], label)
    for name in strong:
        rest = explained_together([weight for other, weight in weights.items() if other != name], label)
        if finding := _outweighs(name, evidence[name], together, rest, len(evidence) - 1):
            yield finding


def _outweighs(name: str, seen: UnivariateEvidence, together: float, rest: float, others: int) -> Finding | None:
    added = together - rest
    unlike = added >= ADDED_TO_REST * rest
    copy = seen.explained >= COPY and unlike
    question = others >= LEAST_OTHERS and added >= ADDED and (unlike or seen.explained >= STRONG)
    if not (copy or question):
        return None
    detail = (
        f"{name!r} alone explains {seen.explained:.0%} of the log-loss (AUC {seen.auc:.3f}) and adds {added:.0%} to "
        f"the {rest:.0%} that the {others} other features explain together: is it known when a score is asked for?"
    )
    shares = {
        "explained": _rounded(seen.explained),
        "auc": _rounded(seen.auc),
        "added": _rounded(added),
        "rest": _rounded(rest),
    }
    return Finding("outweighs_all_others", name, "block" if copy else "warn", detail, {**shares, "others": others})


def _dated(each: RowSlice, features: Sequence[Feature]) -> Iterator[Finding]:
    """Dates after the cutoff, or after the row's own moment where the table is ordered by dates."""
    moments = each.rows[ORDER] if each.rows[ORDER].dtype in (pl.Date, pl.Datetime) else None
    for feature in features:
        late = _late(each.rows[feature.name], feature, moments)
        if late is None or not late.any():
            continue
        share = float(late.mean())
        seen = each.evidence(Grouping(late.astype(np.int64) + 1, ("missing", "before", "after"), ordered=False))
        tells = seen.explained >= ADDED
        reason = "tells the class by that" if tells else "is a plan, or was not known then"
        if tells or share >= PLANNED:
            detail = (
                f"{feature.subject or feature.name!r} lies after the cutoff in {share:.1%} of the rows: it {reason}."
            )
            figures = {"share": _rounded(share), "tells": tells}
            yield Finding("dated_after_cutoff", feature.name, "block" if tells else "warn", detail, figures)


def _late(cells: pl.Series, feature: Feature, moments: pl.Series | None) -> NDArray[np.bool_] | None:
    """Where a date lies after the cutoff; a trait's date is an age in days, below 0 after it."""
    if feature.subject is not None and feature.name.endswith("_age_days"):
        return (cells < 0).fill_null(False).to_numpy()
    if feature.type == "date" and moments is not None:
        return numbers(cells) > numbers(moments)
    return None


def _worst(found: Sequence[Finding]) -> Iterator[Finding]:
    """One finding for each rule and feature: the first that blocks, else the first."""
    kept: dict[tuple[str, str | None], Finding] = {}
    for finding in found:
        known = kept.get((finding.rule, finding.feature))
        if known is None or (known.severity == "warn" and finding.severity == "block"):
            kept[finding.rule, finding.feature] = finding
    yield from kept.values()
