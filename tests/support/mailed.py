"""The mailing example, small: its data, a release of one of its use cases, and the day of 1 May 2026."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from benchmarks.doors import mailing
from features.build.log_table import scoring_table
from features.config.use_case import LogUseCase
from scoring.segments.assignment import install_policy
from scoring.segments.policy_file import read_policy
from tests.support.days import made
from tests.support.models import release_log
from tests.support.worlds import load_log

NAME, PEOPLE = "mailing-churn", 300
DAY = datetime(2026, 5, 1, tzinfo=UTC)
POLICY = """
use_cases = ["mailing-churn"]
[[segment]]
code = "write"
label = { en = "To be written to", fr = "À qui écrire" }
rule = '"mailing-churn".probability >= 0.05'
[[segment]]
code = "others"
label = { en = "Others", fr = "Autres" }
rule = "TRUE"
"""


def write_mailing(folder: Path) -> None:
    """Everything, into a folder: `data`, `churn.toml`, and `home` with the release, a policy and the day."""
    use_case = once(mailing(folder, customers=PEOPLE, seed=3)["churn"])
    home = folder / "home"
    live = {NAME: release_log(home, use_case)}
    policy = read_policy(POLICY, {NAME: live[NAME].release.bundle.features})
    install_policy(home, policy, POLICY)
    scoring_table(use_case, DAY).write_parquet(folder / "today.parquet")
    made(home, live, folder / "today.parquet", as_of=DAY, policy=policy)


def mailing_case(folder: Path) -> LogUseCase:
    """The use case that was released there."""
    return once(load_log(folder / "churn.toml"))


def once(use_case: LogUseCase) -> LogUseCase:
    """The same, learned of one cutoff."""
    return use_case.model_copy(update={"window": use_case.window.model_copy(update={"train_cutoffs": 1})})
