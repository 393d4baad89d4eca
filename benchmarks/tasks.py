"""Six prediction tasks on public data, as use cases; four of their files lie outside the repository.

Penchant's examples hold CDNOW and Bank Marketing; Online Retail II and Iranian Churn are read from PENCHANT_DATA.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from features.config.use_case import UseCase, load_use_case

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = {
    "cdnow-propensity": "examples/cdnow/propensity.toml",
    "cdnow-churn": "examples/cdnow/churn.toml",
    "bank": "examples/bank/term-deposit.toml",
}
RETAIL = """
name = "{name}"
polarity = "{polarity}"
seed = 7
[events]
path = "{data}/online_retail_ii_invoices.parquet"
customer_id = "customer_id"
timestamp = "ts"
amount = "amount"
type = "purchase"
id = "invoice"
refund = {{ column = "is_cancel", equals = true }}
[window]
observation = "365d"
prediction = "90d"
test_cutoff = "2011-09-10"
[label]
event = "purchase"
"""
IRANIAN = """
name = "{name}"
polarity = "negative"
seed = 7
[table]
path = "{data}/iranian_churn.parquet"
label = "churn"
positive = 1
"""
OUTSIDE = {
    "retail-propensity": ("online_retail_ii_invoices", RETAIL + 'outcome = "present"\n', "positive"),
    "retail-churn": (
        "online_retail_ii_invoices",
        RETAIL + 'outcome = "absent"\n[eligible]\nactive_within = "90d"\n',
        "negative",
    ),
    "iranian": ("iranian_churn", IRANIAN, "negative"),
}
NAMES = ("cdnow-propensity", "cdnow-churn", "retail-propensity", "retail-churn", "bank", "iranian")


@dataclass(frozen=True)
class Missing(Exception):  # noqa: N818 what is so, not a fault
    """A task whose data is not on this machine."""

    name: str


def task_file(name: str, folder: Path) -> Path:
    """The use case of a task, written to a folder where it is no example.

    Raises:
        Missing: its data is neither in the examples nor in PENCHANT_DATA.
    """
    if name in EXAMPLES:
        return ROOT / EXAMPLES[name]
    stem, text, polarity = OUTSIDE[name]
    data = Path(os.environ.get("PENCHANT_DATA", "")).resolve()
    if not (data / f"{stem}.parquet").is_file():
        raise Missing(name)
    file = folder / f"{name}.toml"
    file.write_text(text.format(name=name, polarity=polarity, data=data), encoding="utf-8")
    return file


def use_case(name: str, folder: Path) -> UseCase:
    """The use case of a task, read.

    Raises:
        Missing: its data is not on this machine.
    """
    return load_use_case(task_file(name, folder))
