"""The final table: what was trained, in words and figures a person can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from features.spec.feature import Finding
from scoring.text.findings import FindingText, finding_text
from scoring.text.messages import texts
from training.report.opens_text import opens_text

if TYPE_CHECKING:
    from scoring.models.threshold_planner import Plan
    from training.registry.lines import BandLine, TrainingLine, ValueLine

HEADINGS = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "log-loss",
    "brier": "Brier",
    "ece": "ECE",
    "lift_at_10": "lift@10%",
}
ASKED = {"precision": "precision at least", "lift": "lift at least", "save_rate": "save rate"}


def training_table(lines: Sequence[TrainingLine]) -> str:
    """Every use case's figures beside its baselines, its bands, and whether it serves now."""
    return "\n\n".join(_one(line) for line in lines)


def plan_table(name: str, plan: Plan) -> str:
    """A plan's cut among its neighbours: how many customers, how many hits to expect, and what they earn."""
    asked = ", ".join(f"{ASKED.get(word, word)} {_plain(value)}" for word, value in plan.asked.items())
    head = f"{name}  {asked}  among {plan.population:,} customers, {plan.rate:.1%} of them expected hits"
    cuts = sorted([plan.cut, *plan.neighbours], key=lambda cut: -cut.threshold)
    earns = plan.cut.profit is not None
    table = [
        ["", "from", "customers", "share", "hits", "90% interval", "precision", "lift", *(["profit"] if earns else [])]
    ]
    for cut in cuts:
        counts = [f"{cut.threshold:.4f}", f"{cut.rows:,}", f"{cut.share:.1%}", f"{cut.hits:,.0f}"]
        rates = [f"{cut.hits_low:,.0f} to {cut.hits_high:,.0f}", f"{cut.precision:.1%}", f"{cut.lift:.2f}"]
        table.append(["->" if cut is plan.cut else "", *counts, *rates, *([f"{cut.profit:,.0f}"] if earns else [])])
    return "\n".join([head, *_aligned(table), *(f"  {caution}" for caution in _cautions(plan))])


def _cautions(plan: Plan) -> Iterator[str]:
    """What a reader of a plan may take for granted, and should not."""
    if plan.asked.get("capacity", 0) > plan.population:
        yield f"The capacity is no limit: there are {plan.population:,} customers."
    if plan.cut.profit is not None and plan.cut.profit <= 0:
        yield "No contact pays at this cost and value: the cut shown loses least, contacting nobody loses nothing."


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _one(line: TrainingLine) -> str:
    serves = "promoted" if line["promoted"] else "refused" if line["refused"] else "not promoted"
    serves = "in service" if line["release"] and not line["promoted"] else serves
    rate, rows = line["base_rate"]["test"], line["rows"]["test"]
    head = f"{line['name']}  version {line['version']}  {line['kind']}  {serves}. {line['reason']}"
    table = [["", *HEADINGS.values()], *_metrics(line)]
    lines = [
        head,
        f"  {rows:,} test rows{_customers(line)}, base rate {rate:.1%}; in brackets 95% intervals",
        *_aligned(table),
        f"  {line['verdict']}",
    ]
    lines += [f"  {line['worth']['text']['en']}"] if line["worth"] else []
    lines += [f"  {opens_text(line['opens'], 'en')}"] if "opens" in line else []
    lines += [f"  {_value(line['value'])}"] if "value" in line else []
    lines += _bands(line["bands"])
    lines += [_finding(finding_text(msgspec.convert(finding, Finding), "en")) for finding in line["findings"]]
    return "\n".join(lines)


def _value(value: ValueLine) -> str:
    """What customers will bring, in a sentence: the model, and how its test went."""
    if not value["claimed"]:
        return f"{value['why'][0].upper()}{value['why'][1:]}."
    of = f"{value['of']}{' in ' + value['currency'] if value['currency'] else ''}"
    said = f"Value ({of} within {value['horizon']} days, tested over {value['tested']}) by {value['kind']}"
    ratio = "nothing was spent" if value["ratio"] is None else f"predicted over actual {value['ratio']:.2f}"
    own, past = value["gini"], value["past_gini"]
    ranked = "" if own is None else f", Gini {own:.3f}"
    ranked += "" if past is None else f" against past spend's {past:.3f}"
    notes = f"; {', '.join(value['notes'])}" if value["notes"] else ""
    return f"{said}: {ratio} on the test{ranked}{notes}."


def _customers(line: TrainingLine) -> str:
    """Whose rows they are, where customers have several."""
    count = line["rows"].get("test_customers")
    return f" of {count:,} customers" if count else ""


def _metrics(line: TrainingLine) -> list[list[str]]:
    served = [f"{line['metrics'][name]:.4f} ({_range(line['intervals'][name])})" for name in HEADINGS]
    others = [
        [texts("en").get(kind, kind), *(f"{metrics[name]:.4f}" for name in HEADINGS)]
        for kind, metrics in line["baselines"].items()
        if metrics != line["metrics"]  # the model is this baseline
    ]
    return [["this model", *served], *others]


def _finding(text: FindingText) -> str:
    about = f" ({text.feature})" if text.feature else ""
    return f"  {texts('en')[text.severity]}: {text.rule}{about}: {text.detail}"


def _bands(bands: Sequence[BandLine]) -> list[str]:
    table = [["band", "from", "rows", "share", "predicted", "realised", "90% interval"]]
    for band in reversed(bands):
        counts = [f"{band['at']:.4f}", f"{band['rows']:,}", f"{band['share']:.1%}"]
        table.append([band["code"], *counts, *(_rates(band) if band["rows"] else ["no test row", "", ""])])
    return _aligned(table)


def _rates(band: BandLine) -> list[str]:
    return [f"{band['predicted']:.1%}", f"{band['realised']:.1%}", f"{band['low']:.1%} to {band['high']:.1%}"]


def _range(edges: Sequence[float]) -> str:
    return f"{edges[0]:.3f} to {edges[1]:.3f}"


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    ]
