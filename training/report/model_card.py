"""What MLflow's pages show of a training: the run's name and note, and the model card of its version."""

from __future__ import annotations

from collections.abc import Mapping

from features.spec.feature import Feature
from scoring.bundle.manifest import Manifest
from scoring.text.formatting import figure, number, percent
from scoring.text.messages import texts
from scoring.text.promotion import baseline_text
from training.bundling.build import Built
from training.report.question import outcome, population
from training.report.texts import WORDS

_INPUTS_WITHIN = 4600  # characters of the card: MLflow keeps 5,000
_CALL = """```python
model = mlflow.pyfunc.load_model("models:/{name}@champion")
model.predict(frame)  # one probability a row
model.predict(frame, params={{"output": "answers", "reasons": 3, "language": "fr"}})  # score, band, reasons as columns
```
"""


def run_name(manifest: Manifest) -> str:
    """The use case, and how far what it learned from reaches; of a table without dates which data it was."""
    return f"{manifest.name} {manifest.trained_to or manifest.digests.data[:8]}"


def run_note(manifest: Manifest) -> str:
    """What was trained, on how many rows, and how good it is, in some sentences."""
    words = WORDS["en"]
    return "\n\n".join(
        (
            f"**{manifest.titled('en')}.** {outcome(manifest, words, 'en')}",
            f"{texts('en').get(manifest.kind, manifest.kind)}, on {number(manifest.rows['train'], 'en')} rows; "
            f"tested on {number(manifest.rows['test'], 'en')} with a base rate of "
            f"{percent(manifest.base_rate['test'], 'en', decimals=1)}.",
            baseline_text(manifest.over_bar, manifest.kind, "en") if manifest.over_bar else "",
        )
    ).strip()


def model_card(built: Built) -> str:
    """The card of a version, in Markdown."""
    manifest = built.bundle.manifest
    words = WORDS["en"]
    parts = [
        run_note(manifest),
        f"**Of whom.** {population(manifest, words, 'en')}",
        f"**What for.** {manifest.intended_use.get('en', '')}",
        *([f"**Who decides.** {manifest.human_decision}"] if manifest.human_decision else []),
        _figures(manifest, words),
        _bands(manifest),
        _CALL.format(name=manifest.name),
        "**What goes in.**\n\n| column | type | may be missing |\n|---|---|---|",
    ]
    return _with_inputs("\n\n".join(parts), built.bundle.features)


def inputs(features: tuple[Feature, ...]) -> dict[str, str]:
    """The type of each feature by name, as `number or missing`."""
    return {one.name: f"{one.type} or missing" if one.nullable else one.type for one in features}


def _with_inputs(card: str, features: tuple[Feature, ...]) -> str:
    for count, one in enumerate(features):
        line = f"\n| `{one.name}` | {one.type} | {'yes' if one.nullable else 'no'} |"
        if len(card) + len(line) > _INPUTS_WITHIN:
            return f"{card}\n\n{len(features) - count} more columns are in the signature."
        card += line
    return card


def _figures(manifest: Manifest, words: Mapping[str, str]) -> str:
    lines = ["| on the test rows | | 95% |", "|---|---|---|"]
    for name, value in manifest.metrics.items():
        low, high = manifest.intervals[name]
        lines.append(f"| {words[name]} | {_three(value)} | {_three(low)} to {_three(high)} |")
    return "\n".join(lines)


def _bands(manifest: Manifest) -> str:
    bands = manifest.bands
    starts = [0.0, *bands.thresholds]
    lines = ["| band | from | share of test rows |", "|---|---|---|"]
    for label, start, one in zip(bands.labels["en"], starts, bands.realised, strict=True):
        lines.append(f"| {label} | {percent(start, 'en', decimals=2)} | {percent(one.share, 'en', decimals=1)} |")
    return "\n".join(lines)


def _three(value: float) -> str:
    return figure(value, "en", decimals=3)
