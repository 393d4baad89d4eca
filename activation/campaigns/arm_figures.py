"""The figures of a campaign's arms: whoever is known by a row, and the erased by their totals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from activation.campaigns.effect import ArmMoments, rate_moments
from activation.campaigns.outcome_record import KnownOutcomes, Totals
from scoring.audiences.campaign import Campaign
from scoring.audiences.campaign_result import ArmResult

ARMS = ("treated", "held_out")


@dataclass(frozen=True)
class ArmFigures:
    """What is known of both arms, everybody in the one that was drawn, contacted or not."""

    campaign: Campaign
    known: KnownOutcomes
    earlier: pl.DataFrame  # as `earlier_scores` gives it

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Whose outcome is known, with what was known of them before."""
        return self.known.rows.join(self.earlier, on="who", how="left").with_columns(pl.col("value").fill_null(0.0))

    @property
    def drawn(self) -> int:
        """Customers of both arms."""
        return sum(self.campaign.arms[name].n for name in ARMS)

    def totals(self, name: str) -> Totals:
        """Of the erased."""
        return self.known.record.folded.get(name, Totals())

    def n(self, name: str) -> int:
        """Customers of known outcome."""
        return int((self.rows["arm"] == name).sum()) + self.totals(name).n

    def arm(self, name: str) -> ArmResult:
        """The figures of an arm."""
        rows, folded = self.rows.filter(pl.col("arm") == name), self.totals(name)
        contacted, unsubscribed = (_count(rows, one) for one in ("contacted", "unsubscribed"))
        return ArmResult(
            n=self.n(name),
            answered=int(rows["answered"].sum()) + folded.answered,
            value=float(rows["value"].sum()) + folded.value if self.known.record.valued else None,
            drawn=self.campaign.arms[name].n,
            contacted=None if contacted is None else contacted + folded.contacted,
            unsubscribed=None if unsubscribed is None else unsubscribed + folded.unsubscribed,
        )

    def rate(self, name: str) -> ArmMoments:
        """Of answers."""
        arm = self.arm(name)
        return rate_moments(arm.answered, arm.n)

    def worth(self, name: str) -> ArmMoments:
        """Of values a customer; those who did not answer are worth nothing."""
        values, folded = self.rows.filter(pl.col("arm") == name)["value"], self.totals(name)
        squares = float((values**2).sum()) + folded.value_squares
        return ArmMoments.of_sums(self.n(name), float(values.sum()) + folded.value, squares)


def _count(rows: pl.DataFrame, name: str) -> int | None:
    """How many yes; None where nobody said anything."""
    return int(rows[name].sum()) if rows[name].is_not_null().any() else None
