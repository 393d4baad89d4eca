"""`python -m benchmarks.spent OUT.json ARGUMENTS`: `python -m training ARGUMENTS`, with what each of its parts costs.

A part's processor time (all threads and children) and peak memory are those of its own frames, without the parts inside
it: so they add up to the whole. Boosting is parted by what it is for.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

BOOSTING = "boosting"
# what is wrapped, by the name it is reported under; a name met inside another takes its cost away from it
PARTS = {
    "reading": ["training.train.learning_table", "training.selection.seasonality.rows_at", "training.train.current"],
    "splitting": [
        "training.train.split",
        "training.selection.cross_validation.folds",
        "training.selection.cross_validation.learning_parts",
    ],
    "encoding": [
        "training.fitting.fit.fit_encoder",
        *(
            f"training.{module}.encode"
            for module in (
                "fitting.fit",
                "bundling.build",
                "promotion.promote",
                "promotion.champion",
                "data.population",
            )
        ),
    ],
    "logistic regressions": ["training.fitting.candidates.fit_linear", "training.fitting.candidates.fit_splines"],
    "calibration": [
        f"training.{module}.fit_calibration"
        for module in (
            "fitting.fit",
            "selection.judging",
            "selection.blend_selection",
            "selection.settings_search",
            "diagnostics.reference_forest",
            "fitting.calibrate",
        )
    ],
    "predicting": ["scoring.models.model.TreeModel.margin"],
    "bootstrap": [
        "training.selection.winner.evidence_of",
        "training.promotion.promote.paired_gain",
        "training.report.comparisons.Figures.of",
    ],
    "chance of an ECE": ["training.evaluation.evidence.ece_by_chance", "training.promotion.guards.ece_by_chance"],
    "today's market": ["training.bundling.build.market_of", "training.bundling.build.ladder_for"],
    "receipt": ["training.bundling.build.check"],
    "golden rows": ["training.bundling.build.golden_rows"],
    "bundle": [
        "training.bundling.build._written",
        "training.bundling.build.reference",
        "training.bundling.build.curves",
    ],
    "criteria": ["training.report.comparisons.criteria"],
    "scikit-learn's forest": ["training.report.comparisons.reference_forest"],
    "unusual rows": ["training.report.comparisons.unusual"],
    "pictures": ["training.train.pictures"],
    "report page": ["training.train.report_html"],
    "MLflow and the release store": [
        "training.__main__._registry",
        "training.train.draft",
        "training.registry.mlflow_registry.Registry.register",
        "training.train.settle",
    ],
}
PURPOSES = {
    "search": "training.selection.settings_search.search",
    "seeds": "training.selection.winner.median_fitted",
    "seed variance": "training.selection.winner.seed_variance_of",
    "folds": "training.train.choose_for",
    "a year earlier": "training.train.with_season",
    "the model": "training.train.fit",
}
OTHER = "other"
CONSTANT = (
    "imports",
    "pictures",
    "criteria",
    "report page",
    "MLflow and the release store",
)  # as dear for few rows as for many


class Ledger:
    """Processor seconds and peak MiB by part."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = defaultdict(float)
        self.peak: dict[str, float] = defaultdict(float)
        self._open, self._since = [OTHER], 0.0  # from the start of the process, its first imports included

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What happens inside is booked to a part."""
        self.book()
        self._open.append(name)
        try:
            yield
        finally:
            self.book()
            self._open.pop()

    def book(self) -> None:
        """Books all since the last booking to the innermost open part."""
        now, name = sum(os.times()[:4]), self._open[-1]
        self.cpu[name] += now - self._since
        self.peak[name] = max(self.peak[name], _peak())
        self._since = now

    def boosting(self) -> str:
        """Boosting, and what it is for by the parts it happens in."""
        purpose = next((name for name in reversed(self._open) if name in PURPOSES), None)
        return f"{BOOSTING}: {purpose}" if purpose else self._open[-1]


def main() -> int:
    """Trains as asked, and writes the ledger as JSON."""
    out, *words = sys.argv[1:]
    ledger = Ledger()
    with ledger.part("imports"):
        import_module("training.train")
        command = import_module("training.__main__").main
    for name, addresses in [*PARTS.items(), *((name, [address]) for name, address in PURPOSES.items())]:
        for address in addresses:
            _wrap(address, partial(_booked, ledger, name=partial(str, name)))
    for address in ("xgboost.train", "xgboost.QuantileDMatrix"):
        _wrap(address, lambda called: _booked(ledger, called, ledger.boosting))
    code = int(command(words))
    ledger.book()
    Path(out).write_text(json.dumps({"cpu": ledger.cpu, "peak": ledger.peak}), encoding="utf-8")
    return code


def _booked(ledger: Ledger, called: Callable[..., Any], name: Callable[[], str]) -> Callable[..., Any]:
    def booked(*args: Any, **options: Any) -> Any:
        with ledger.part(name()):
            return called(*args, **options)

    return booked


def _wrap(address: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Puts a wrapper where an address points."""
    holder, name = pointed(address)
    setattr(holder, name, wrapper(getattr(holder, name)))


def pointed(address: str) -> tuple[Any, str]:
    """What holds an address (package.module.function or package.module.Class.method), and its name there."""
    holder_path, _, name = address.rpartition(".")
    try:
        holder = import_module(holder_path)
    except ModuleNotFoundError:
        module, _, owner = holder_path.rpartition(".")
        holder = getattr(import_module(module), owner)
    return holder, name


def _peak() -> float:
    """Most MiB resident since the last time this was asked (Linux: VmHWM, reset by clear_refs)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return kib / 1024


if __name__ == "__main__":
    sys.exit(main())
