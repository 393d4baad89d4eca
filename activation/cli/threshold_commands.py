"""`penchant campaign threshold` and `move`: cuts of one score tried against each other, the better one put in force."""

from __future__ import annotations

import argparse
from argparse import Namespace
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from activation.campaigns.threshold_move import move_threshold
from activation.campaigns.threshold_test import ThresholdList, ThresholdRequest, begin_threshold_test
from activation.cli.done import Done
from features.spec.feature import CUSTOMER_ID
from features.spec.options import add_shared_options, span
from scoring.audiences.campaign import ThresholdPlan, campaign_named
from scoring.audiences.campaign_result import result_of
from scoring.audiences.export_formats import write_audience
from scoring.population.home_contacts import contacts_of
from scoring.storage.table_files import check_target


class ThresholdBegun(msgspec.Struct, frozen=True):
    """A test of thresholds that has begun."""

    id: str
    cuts: tuple[float, ...]
    in_force: float
    customers: int  # at or above the lowest cut, who may be addressed
    contacted: int
    below: int  # below their own cut
    left_out: dict[str, int]
    output: str


def threshold(options: Namespace) -> Done:
    """`threshold USE_CASE`: draws a cut for each customer and writes whom to contact."""
    check_target(options.output)
    plan = ThresholdPlan(options.cuts, options.in_force or options.cuts[-1], options.least)
    begun = begin_threshold_test(
        options.home,
        ThresholdRequest(
            options.use_case,
            plan,
            options.salt,
            options.segment,
            options.window,
            options.metric,
            options.planned_look,
        ),
    )
    _write(options.home, begun, options.output)
    document = ThresholdBegun(
        id=begun.campaign.id,
        cuts=plan.cuts,
        in_force=plan.in_force,
        customers=len(begun.customers) + begun.below,
        contacted=len(begun.customers),
        below=begun.below,
        left_out=dict(begun.left_out),
        output=str(options.output),
    )
    lines = [
        f"{document.id}: {document.contacted:,} to contact, {document.below:,} below the cut they were drawn.",
        *(f"{count:,} left out: {reason}." for reason, count in document.left_out.items()),
        f"Written to {options.output}. Report the outcomes of all {document.customers:,}, those below their cut too.",
    ]
    return Done(document, lines)


def move(options: Namespace) -> Done:
    """`move ID --by NAME`: the better cut in the installed policy, logged."""
    campaign = campaign_named(options.home, options.id)
    now = datetime.now(UTC).replace(microsecond=0)
    made = move_threshold(options.home, campaign, result_of(options.home, campaign), by=options.by, at=now)
    lines = [
        f"The threshold of {made.use_case} is {made.now:g}, it was {made.was:g}.",
        f"Moved by {made.by}, as {made.campaign} showed.",
        f"Policy {made.policy} with {made.rules} rules changed is installed, in place of {made.policy_before}.",
    ]
    return Done(made, lines)


def _write(home: Path, begun: ThresholdList, output: Path) -> None:
    """Ids, with addresses where the home has named contacts."""
    columns: dict[str, list[str | None]] = {CUSTOMER_ID: list(begun.customers)}
    found = contacts_of(home, of=begun.customers)
    if found:
        columns["email"] = [found[1].emails.get(customer) for customer in begun.customers]
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    write_audience(table, output, "parquet" if output.suffix == ".parquet" else "csv")


def add_threshold_options(command: argparse.ArgumentParser) -> None:
    """Those of `threshold`."""
    command.add_argument("use_case", metavar="USE_CASE", help="whose score the cuts are of")
    command.add_argument(
        "--cuts", type=_cuts, required=True, metavar="P,P", help="probabilities, each drawn by as many"
    )
    command.add_argument("--in-force", type=float, metavar="P", help="the one that holds today (default: the highest)")
    command.add_argument("--salt", required=True, help="which customers are drawn which cut, new for each test")
    command.add_argument("--output", type=Path, required=True, help="whom to contact: a CSV or Parquet file")
    command.add_argument("--segment", metavar="CODE", help="of those in a segment alone")
    command.add_argument("--window", type=span, metavar="90d", help="in which answers count (default: as predicted)")
    command.add_argument("--metric", metavar="EVENT", help="which event an answer is (default: the one predicted)")
    command.add_argument(
        "--planned-look", type=date.fromisoformat, metavar="D", help="when it is due (default: its end)"
    )
    command.add_argument("--least", type=float, metavar="AMOUNT", help="of value a customer, worth moving the cut for")
    add_shared_options(command)


def add_move_options(command: argparse.ArgumentParser) -> None:
    """Those of `move`."""
    command.add_argument("id", help="of a test of thresholds, as `list` shows it")
    command.add_argument("--by", required=True, metavar="NAME", help="who moves it, for the log")
    add_shared_options(command)


def _cuts(text: str) -> tuple[float, ...]:
    try:
        cuts = tuple(float(one) for one in text.split(","))
    except ValueError:
        cuts = ()
    rising = all(low < high for low, high in zip((0.0, *cuts), (*cuts, 1.0), strict=True))
    if not 2 <= len(cuts) <= 5 or not rising:
        raise argparse.ArgumentTypeError("must be 2 to 5 rising probabilities within (0, 1), got another")
    return cuts
