"""The rows of a campaign of the home: its customers as they were when their list left, with their arm and outcome."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from features.build.log_table import rows_at
from features.config.use_case import LogUseCase
from features.errors import DataError, UseCaseError
from features.point_in_time.labels import Cutoffs
from features.spec.suppression_list import keyed
from features.tables.learning_table import ID, TREATED
from scoring.audiences.campaign import UnknownCampaignError, assigned, campaign_named
from scoring.privacy.suppression import own_key
from training.task import Task


def of_campaign(task: Task) -> Task:
    """The task on the rows of the campaign that its use case names; as it is where it names none.

    A row is an eligible customer of either arm at the moment the campaign was made; the outcome is what the use case
    predicts from then on. The share that was drawn is the campaign's, where the use case states none.

    Raises:
        UseCaseError: The home has no such campaign.
        DataError: Its window has not ended in the log, or nobody of it is eligible.
        CampaignError: It cannot be read.
    """
    use_case = task.use_case
    if not isinstance(use_case, LogUseCase) or use_case.treatment is None or use_case.treatment.campaign is None:
        return task
    treatment = use_case.treatment
    try:
        campaign = campaign_named(task.home, str(treatment.campaign))
    except UnknownCampaignError as error:
        raise UseCaseError(
            use_case.file, ["treatment.campaign: must be a campaign of the home, got another"]
        ) from error
    if campaign.thresholds is not None:
        rule = "treatment.campaign: must be one whose hold-out chance drew, got one that contacted whom a score picked"
        raise UseCaseError(use_case.file, [rule])
    _check_matured(task, use_case, campaign.made)
    key, arms = own_key(task.home), assigned(task.home, campaign)
    rows = rows_at(use_case, (campaign.made,), task.objectors)
    arm = pl.Series(TREATED, [arms.get(keyed(key, customer)) for customer in rows[ID]], dtype=pl.String)
    rows = rows.with_columns((arm == "treated").cast(pl.Int8).alias(TREATED)).filter(arm.is_not_null())
    stated = treatment if treatment.share is not None else treatment.model_copy(update={"share": 1 - campaign.holdout})
    drawn = "".join(map(str, rows[TREATED].to_list()))
    digest = hashlib.sha256(f"{task.table.digest} {campaign.id} {drawn}".encode()).hexdigest()
    moment = Cutoffs((campaign.made,), campaign.made)
    table = replace(task.table, rows=rows, cutoffs=moment, digest=digest)
    return replace(task, table=table, use_case=use_case.model_copy(update={"treatment": stated}))


def _check_matured(task: Task, use_case: LogUseCase, made: datetime) -> None:
    """Raises DataError where the log ends before the window in which outcomes count."""
    ends = made + timedelta(days=use_case.window.gap + use_case.window.prediction)
    last = datetime.fromisoformat(task.table.report["last_event"])
    last = last if last.tzinfo else last.replace(tzinfo=made.tzinfo)
    if last + timedelta(days=1) < ends:  # the last day counts whole
        rule = f"the log must reach to the end of the campaign's window, {ends:%Y-%m-%d}, it ends on {last:%Y-%m-%d}"
        raise DataError(use_case.label_logs[0].path, [rule])
