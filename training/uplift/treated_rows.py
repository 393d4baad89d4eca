"""Rows whose outcome a campaign may have changed: how many there are, and whether they are learned from.

A customer who was on a list answers as people do who were contacted. Whoever was of the hold-out, and whoever was on no
list, was not. Given the features, chance drew the hold-out, so that leaving treated rows out bends nothing but the
mixture of customers that is learned from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.config.use_case import LogUseCase
from features.errors import DataError
from features.spec.feature import Feature
from features.spec.suppression_list import keyed
from features.tables.learning_table import CUTOFF, ID, TREATED
from scoring.audiences.campaign import Campaign, assigned, campaigns_of
from scoring.audiences.campaign_window import window_end
from scoring.bundle.uplift_part import TreatedRows
from scoring.privacy.suppression import own_key
from training.data.clusters import Clusters
from training.data.split import Parts, check, customers_by_class, labels, learning_parts, share_out
from training.fitting.fit import teach
from training.fitting.lesson import Fit
from training.selection.cross_validation import Choice, tuned_fit
from training.selection.judging import judge
from training.task import Task

FOLDS = 3
FEW_FEATURES = ("recency", "rfm_logit")  # would not read the treatment
FEWEST = 20  # untreated customers of the rarer class that each part learned from must keep
ENOUGH = 50  # untreated customers of the rarer class, among test rows, from which they alone judge
COVARIATE = Feature(TREATED, "boolean")

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PastCampaigns:
    """Who was treated when, by keyed hash of the id."""

    spans: tuple[tuple[datetime, datetime, frozenset[bytes]], ...]
    key: bytes
    wait: tuple[timedelta, timedelta]  # from a cutoff to where its label window begins, and to where it ends

    def treated(self, rows: pl.DataFrame) -> Mask:
        """The rows whose label window overlaps a campaign that treated their customer."""
        found = np.zeros(rows.height, dtype=np.bool_)
        for cutoff in rows[CUTOFF].unique().drop_nulls().to_list():
            begins, ends = (cutoff + wait for wait in self.wait)
            hashes = frozenset().union(*(who for first, last, who in self.spans if first < ends and last > begins))
            if hashes:
                mine = (rows[CUTOFF] == cutoff).to_numpy()
                customers = rows.filter(mine)[ID].to_list()
                found[mine] = [keyed(self.key, customer) in hashes for customer in customers]
        return found

    def digest(self, task: Task) -> str:
        """The task's data with whom campaigns treated: other campaigns make another model."""
        treated = self.treated(task.table.rows)
        return hashlib.sha256(task.table.digest.encode() + np.packbits(treated).tobytes()).hexdigest()


def past_campaigns(task: Task) -> PastCampaigns | None:
    """The campaigns of the home that treated customers in a label window of the rows; None where there is none.

    A ready table has no windows, and says nothing of when its outcomes came; where a campaign's effect is itself what
    is learned, all of its rows are needed.

    Raises:
        CampaignError: A campaign cannot be read.
    """
    if not isinstance(task.use_case, LogUseCase) or task.use_case.treatment is not None:
        return None
    if not (known := campaigns_of(task.home)):
        return None
    window = task.use_case.window
    begins = timedelta(days=window.gap)
    wait = (begins, begins + timedelta(days=window.prediction))
    spans = tuple(_span(task, campaign, wait[1] - wait[0]) for campaign in known)
    past = PastCampaigns(spans, own_key(task.home), wait)
    return past if past.treated(task.table.rows).any() else None


def _span(task: Task, campaign: Campaign, prediction: timedelta) -> tuple[datetime, datetime, frozenset[bytes]]:
    """From when until when a campaign may act, the use case's own window where none was stated, and on whom."""
    arms = assigned(task.home, campaign)
    who = frozenset(one for one, arm in arms.items() if arm == "treated")
    return campaign.made, window_end(campaign) or campaign.made + prediction, who


def without_treated(task: Task, parts: Parts, choice: Choice, past: PastCampaigns) -> tuple[Parts, TreatedRows]:
    """The rows to learn from and to be judged on, where campaigns treated some of them.

    Treated rows are left out of those learned from, unless that predicts untreated customers surely worse or a part
    would keep too few; they are left out of the test where enough customers are left to judge by.
    """
    treated = past.treated(parts.learning)
    losses, error = _compared(task, parts.learning, treated, choice) if treated.any() else ({}, 0.0)
    reduced = replace(
        parts, fit=_rest(parts.fit, past), stop=_rest(parts.stop, past), calibrate=_rest(parts.calibrate, past)
    )
    enough = all(min(customers_by_class(part)) >= FEWEST for part in (reduced.fit, reduced.stop, reduced.calibrate))
    left_out = enough and bool(losses) and losses["left_out"] - losses["all"] <= error
    test = past.treated(parts.test)
    judged = parts.test.filter(~test)
    alone = bool(test.any()) and min(customers_by_class(judged)) >= ENOUGH
    found = TreatedRows(
        campaigns=len(past.spans),
        judged="untreated" if alone else "all",
        learned="untreated" if left_out else "all",
        learning=int(treated.sum()),
        losses=losses,
        standard_error=error,
        test=int(test.sum()),
        untreated_test=judged.height,
    )
    parts = reduced if left_out else parts
    return replace(parts, test=judged) if alone else parts, found


def _rest(rows: pl.DataFrame, past: PastCampaigns) -> pl.DataFrame:
    return rows.filter(~past.treated(rows))


def _compared(task: Task, rows: pl.DataFrame, treated: Mask, choice: Choice) -> tuple[dict[str, float], float]:
    """Log-losses of untreated rows by how treated ones are learned from, and the paired error of leaving them out.

    All rows alike, without the treated ones, and with the treatment as one more feature, which is then none for
    everyone who is judged. Empty where too few rows are left.
    """
    rows = rows.with_columns(pl.Series(TREATED, treated))
    fits, features = tuned_fit(task.candidates(), choice), task.table.features
    fit = fits[choice.kind if choice.kind in fits and choice.kind not in FEW_FEATURES else "logit"]
    found: dict[str, list[Floats]] = {"all": [], "left_out": [], "covariate": []}
    groups: list[NDArray[np.uint64]] = []
    fold = share_out(rows, (1.0,) * FOLDS, seed=task.seed + 5)  # by customer: campaigns are often of the last cutoff
    for number in range(FOLDS):
        judged, learned = rows.filter((fold == number) & ~treated), rows.filter(fold != number)
        ways = {
            "all": (features, learned),
            "left_out": (features, learned.filter(~pl.col(TREATED))),
            "covariate": ((*features, COVARIATE), learned),
        }
        try:
            for way, (read, taught) in ways.items():
                found[way].append(_losses(task, fit, read, taught, judged))
        except DataError:  # a part lacks a class
            return {}, 0.0
        groups.append(judged["__group"].to_numpy())
    losses = {way: np.concatenate(one) for way, one in found.items()}
    error = Clusters.of(np.concatenate(groups)).error(losses["left_out"] - losses["all"])
    return {way: float(one.mean()) for way, one in losses.items()}, error


def _losses(task: Task, fit: Fit, features: tuple[Feature, ...], rows: pl.DataFrame, judged: pl.DataFrame) -> Floats:
    parts = check(Parts(*learning_parts(rows, None, seed=task.seed), judged))
    taught = teach(features, parts.fit, parts.stop, parts.calibrate, label_event=task.label_event)
    return judge(taught, fit, taught.matrix(judged), labels(judged), seed=task.seed).loss
