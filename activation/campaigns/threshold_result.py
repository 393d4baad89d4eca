"""What a test of thresholds shows: whether another cut brings more value than the one in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import polars as pl
from scipy.stats import chi2_contingency, chisquare

from activation.campaigns.cost import Cost
from activation.campaigns.effect import ArmMoments, Difference, difference, rate_moments, sequence_interval
from activation.campaigns.outcome_record import KnownOutcomes, Totals, cell_name
from activation.campaigns.power import needed
from activation.campaigns.sample_ratio import REFUSED
from scoring.audiences.campaign import Campaign, ThresholdCell, ThresholdPlan
from scoring.audiences.campaign_arms import cells_of
from scoring.audiences.campaign_result import (
    ArmResult,
    CampaignResult,
    CampaignStatus,
    CutResult,
    NextStep,
    SampleRatio,
    SegmentEffect,
    ThresholdFinding,
)

_LEAST = 20  # customers between two cuts of either arm, for a difference
_SUMS = ("n", "contacted", "answered", "unsubscribed", "value", "value_squares")


@dataclass(frozen=True)
class ThresholdFigures:
    """What is known of each cell of the test, the erased by their totals."""

    campaign: Campaign
    plan: ThresholdPlan
    known: KnownOutcomes
    cells: pl.DataFrame  # who, cut, zone

    @cached_property
    def table(self) -> pl.DataFrame:
        """A row a cell: `cut`, `zone`, and the sums over its customers of known outcome."""
        value = pl.col("value").fill_null(0.0)
        is_contacted = pl.col("contacted").fill_null(pl.col("zone") > pl.col("cut"))
        found = (
            self.known.rows.join(self.cells, on="who", how="inner")
            .group_by("cut", "zone")
            .agg(
                pl.len().cast(pl.Int64()).alias("n"),
                is_contacted.cast(pl.Int64()).sum().alias("contacted"),
                pl.col("answered").cast(pl.Int64()).sum(),
                pl.col("unsubscribed").cast(pl.Int64()).sum(),
                value.sum().alias("value"),
                (value**2).sum().alias("value_squares"),
            )
            .select("cut", "zone", *_SUMS)
        )
        erased = [self._of_erased(cut, zone) for cut in range(self.count) for zone in range(1, self.count + 1)]
        schema = {name: found.schema[name] for name in found.columns}
        both = pl.concat([found, pl.DataFrame(erased, schema, orient="row")])
        return both.group_by("cut", "zone").agg(pl.col(name).sum() for name in _SUMS).sort("cut", "zone")

    @property
    def count(self) -> int:
        """How many cuts there are."""
        return len(self.plan.cuts)

    def _of_erased(self, cut: int, zone: int) -> tuple[float, ...]:
        totals = self.known.record.folded.get(cell_name(ThresholdCell(cut, zone)), Totals())
        return cut, zone, *(getattr(totals, name) for name in _SUMS)

    def sums(self, condition: pl.Expr) -> Totals:
        """Over some cells."""
        row = self.table.filter(condition).select(pl.col(name).sum() for name in _SUMS).row(0, named=True)
        return Totals(**row)

    def between(self, low: int, high: int, cost: float) -> Difference | None:
        """Value less cost a customer between two cuts: with the lower one in force, less with the higher one.

        Only they are treated otherwise by one cut than by the other. None where they are too few.
        """
        zone = pl.col("zone").is_between(low + 1, high)
        arms = [self.sums(zone & (pl.col("cut") == cut)) for cut in (low, high)]
        if min(arm.n for arm in arms) < _LEAST:
            return None
        found = difference(*(ArmMoments.of_sums(arm.n, arm.value, arm.value_squares) for arm in arms))
        contacts = [arm.contacted / arm.n for arm in arms]
        net = found.estimate - cost * (contacts[0] - contacts[1])
        return Difference(net, found.standard_error, found.freedom, found.n)

    def drawn(self, low: int, high: int) -> int:
        """Customers between two cuts who were drawn one of them."""
        inside = pl.col("zone").is_between(low + 1, high) & pl.col("cut").is_in([low, high])
        return len(self.cells.filter(inside))


def cell_table(home: Path, campaign: Campaign) -> pl.DataFrame:
    """Where each customer stands among the cuts; raises as `cells_of`."""
    cells = cells_of(home, campaign)
    columns = {
        "who": list(cells),
        "cut": [one.cut for one in cells.values()],
        "zone": [one.zone for one in cells.values()],
    }
    return pl.DataFrame(columns, {"who": pl.Binary(), "cut": pl.Int64(), "zone": pl.Int64()})


def threshold_result(
    figures: ThresholdFigures, *, as_of: datetime, look: datetime | None, cost: Cost | None, level: float
) -> CampaignResult:
    """What the test shows as of a moment, by a confidence sequence alone: it may be looked at at any time.

    Args:
        figures: Of its cells.
        as_of: The moment, UTC.
        look: When it was planned to be looked at.
        cost: Of a contact; None: nothing.
        level: Of all comparisons together, in (0, 1).
    """
    ratio = _ratio(figures)
    found = _finding(figures, cost or Cost(0.0), level) if figures.known.record.valued else None
    refused = min(ratio.p, ratio.lost_p) < REFUSED
    harm = _guardrail(figures, found, level) if found and not refused else None
    status, step = _decided(figures, found, harm, refused=refused)
    return CampaignResult(
        id=figures.campaign.id,
        as_of=as_of,
        status=status,
        next_step=step,
        next_look=look.date() if look and status in ("pending", "early") else None,
        known_to=figures.known.record.known_to,
        arms=_arms(figures),
        srm=ratio,
        guardrail=harm,
        erased=sum(figures.known.record.erased.values()),
        contact_cost=cost.contact if cost else None,
        contact_currency=cost.currency if cost else None,
        level=level,
        threshold=None if refused else found,
    )


def _finding(figures: ThresholdFigures, cost: Cost, level: float) -> ThresholdFinding | None:
    """The other cut that speaks loudest: the best of those shown to be better, else the one nearest to it."""
    at = figures.plan.cuts.index(figures.plan.in_force)
    each = 1 - (1 - level) / (figures.count - 1)  # Bonferroni
    compared = []
    for other in range(figures.count):
        low, high = sorted((at, other))
        if other == at or (found := figures.between(low, high, cost.contact)) is None:
            continue
        bounds = sequence_interval(found, each, tightest_at=max(figures.drawn(low, high), 1))
        if other > at:  # what the higher cut brings beyond the one in force
            found = Difference(-found.estimate, found.standard_error, found.freedom, found.n)
            bounds = (-bounds[1], -bounds[0])
        reach = figures.sums(pl.col("zone").is_between(low + 1, high)).n  # customers whom the move would change
        compared.append((bounds[0] > 0, reach * (found.estimate if bounds[0] > 0 else bounds[1]), bounds, found, other))
    if not compared:
        return None
    *_, bounds, found, other = max(compared, key=lambda one: one[:2])
    least = figures.plan.least or cost.contact or abs(found.estimate)
    wanted = needed(found, least, each)
    return ThresholdFinding(
        in_force=figures.plan.in_force,
        other=figures.plan.cuts[other],
        gain=found.estimate,
        interval=bounds,
        level=each,
        customers=found.n,
        least=least,
        more=None if wanted is None else max(wanted - found.n, 0),
        currency=cost.currency or figures.known.record.currency,
        cuts=tuple(_cut(figures, position, cost.contact) for position in range(figures.count)),
    )


def _cut(figures: ThresholdFigures, position: int, cost: float) -> CutResult:
    sums = figures.sums(pl.col("cut") == position)
    net = (sums.value - cost * sums.contacted) / sums.n if sums.n else None
    return CutResult(figures.plan.cuts[position], sums.n, sums.contacted, sums.answered, sums.value, net)


def _guardrail(figures: ThresholdFigures, found: ThresholdFinding, level: float) -> SegmentEffect | None:
    """Who unsubscribes of those between the cuts: by the other one less by the one in force; None if unknown."""
    if not figures.known.rows["unsubscribed"].is_not_null().any():
        return None
    places = [figures.plan.cuts.index(cut) for cut in (found.other, found.in_force)]
    zone = pl.col("zone").is_between(min(places) + 1, max(places))
    other, own = (figures.sums(zone & (pl.col("cut") == place)) for place in places)
    apart = difference(*(rate_moments(arm.unsubscribed, arm.n) for arm in (other, own)))
    interval = sequence_interval(apart, level, tightest_at=max(figures.drawn(min(places), max(places)), 1))
    return SegmentEffect(segment=None, treated=other.n, control=own.n, rate=apart.estimate, interval=interval)


def _decided(
    figures: ThresholdFigures, found: ThresholdFinding | None, harm: SegmentEffect | None, *, refused: bool
) -> tuple[CampaignStatus, NextStep]:
    """The status and the next step: a cut moves by value alone, and only where the sequence excludes zero."""
    if refused:
        return "invalid", "mend"
    if not figures.known.record.valued:
        return "pending", "value_first"
    if found is None:
        return "pending", "too_few"
    if found.interval[0] > 0:
        return "final", "weigh_cut" if harm and harm.interval[0] > 0 else "move_cut"
    if found.interval[1] < 0:  # of the nearest: all others are further off
        return "final", "keep_cut"
    return "early", "more_customers" if found.more is None or found.more else "keep_for_now"


def _arms(figures: ThresholdFigures) -> dict[str, ArmResult]:
    """Those who stand at or above the cut drawn, and those below."""
    found = {}
    for name, condition in (("treated", pl.col("zone") > pl.col("cut")), ("held_out", pl.col("zone") <= pl.col("cut"))):
        sums = figures.sums(condition)
        value = sums.value if figures.known.record.valued else None
        found[name] = ArmResult(sums.n, sums.answered, value, figures.campaign.arms[name].n, sums.contacted)
    return found


def _ratio(figures: ThresholdFigures) -> SampleRatio:
    """Whether as many are known of each cut as of the others, and as many of each are lost."""
    known = [figures.sums(pl.col("cut") == cut).n for cut in range(figures.count)]
    lost = [drawn - n for drawn, n in zip(figures.plan.drawn, known, strict=True)]
    p = float(chisquare(known).pvalue) if sum(known) else 1.0
    comparable = sum(known) and sum(lost) and min(figures.plan.drawn)
    lost_p = float(chi2_contingency([known, lost]).pvalue) if comparable else 1.0
    return SampleRatio(p, {name: arm.drawn - arm.n for name, arm in _arms(figures).items()}, lost_p)
