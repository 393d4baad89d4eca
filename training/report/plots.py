"""Pictures of a model's test: ranking, calibration, gain and lift, and what drives it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from features.spec.languages import LANGUAGES
from scoring.text.messages import texts
from training.bundling.shapley_oracle import shap_library
from training.evaluation.metrics import Outcomes

mpl.use("Agg")
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "svg.hashsalt": "penchant",
    "svg.fonttype": "none",
}
CONTACTED = "Share contacted | Part contactée"
POINTS = 400  # most points a curve is drawn with
Floats = NDArray[np.float64]
Curves = Mapping[str, Floats]  # probabilities by candidate, the model first


def draw(label: NDArray[Any], served: Curves, raw: Floats) -> dict[str, bytes]:
    """The curves of the model and of its baselines on the same test rows, as SVG by file name.

    `raw` are the model's probabilities before calibration.
    """
    outcomes = {kind: Outcomes.of(label, probability) for kind, probability in served.items()}
    with mpl.rc_context(STYLE):
        return {
            "roc.svg": _curves(
                "False positive rate | Faux positifs", "True positive rate | Vrais positifs", outcomes, _roc
            ),
            "precision_recall.svg": _curves("Recall | Rappel", "Precision | Précision", outcomes, _precision),
            "calibration.svg": _calibration(next(iter(outcomes.values())), Outcomes.of(label, raw)),
            "gain.svg": _curves(CONTACTED, "Outcomes found | Issues trouvées", outcomes, _gain),
            "lift.svg": _curves(CONTACTED, "Lift | Gain sur le hasard", outcomes, _lift),
        }


def beeswarm(contributions: Floats, values: Floats, names: list[str]) -> bytes:
    """Shap's beeswarm of calibrated log-odds, one dot a row and feature, as PNG."""
    shap = shap_library()
    from matplotlib import pyplot

    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap draws by calls that its libraries are about to retire
        shared = shap.Explanation(values=contributions, data=values, feature_names=names)
        shap.plots.beeswarm(shared, max_display=12, color_bar_label="Value | Valeur", show=False)
        figure = pyplot.gcf()
        figure.axes[0].set_xlabel("Contribution in log-odds | Contribution en log-cotes")
        figure.set_size_inches(7, 4.5)
        content = _saved(figure, "png", dpi=110, bbox_inches="tight")
        pyplot.close(figure)
    return content


def _roc(outcomes: Outcomes) -> tuple[Floats, Floats]:
    weight, positive, _ = outcomes.per_run(np.ones(len(outcomes.label)))
    return _share(weight - positive), _share(positive)


def _precision(outcomes: Outcomes) -> tuple[Floats, Floats]:
    weight, positive, _ = outcomes.per_run(np.ones(len(outcomes.label)))
    return np.cumsum(positive) / positive.sum(), np.cumsum(positive) / np.cumsum(weight)


def _gain(outcomes: Outcomes) -> tuple[Floats, Floats]:
    weight, positive, _ = outcomes.per_run(np.ones(len(outcomes.label)))
    return _share(weight), _share(positive)


def _lift(outcomes: Outcomes) -> tuple[Floats, Floats]:
    contacted, found = _gain(outcomes)
    return contacted[1:], found[1:] / contacted[1:]


def _share(amount: Floats) -> Floats:
    share: Floats = np.r_[0.0, np.cumsum(amount)] / amount.sum()
    return share


def _curves(
    across: str, up: str, outcomes: Mapping[str, Outcomes], curve: Callable[[Outcomes], tuple[Floats, Floats]]
) -> bytes:
    figure, axes = _canvas(across, up)
    for rank, (kind, one) in enumerate(outcomes.items()):
        x, y = curve(one)
        keep = np.unique(np.linspace(0, len(x) - 1, POINTS).astype(int))
        axes.plot(
            x[keep], y[keep], label=_called(kind), linewidth=1.8 if rank == 0 else 1.0, alpha=1.0 if rank == 0 else 0.7
        )
    axes.legend(frameon=False)
    return _saved(figure, "svg", metadata={"Date": None})


def _calibration(outcomes: Outcomes, before: Outcomes) -> bytes:
    figure, axes = _canvas("Predicted | Prédit", "Realised, 90% interval | Réalisé")
    tenths, raw = outcomes.tenths(), before.tenths()
    x, y = [t.predicted for t in tenths], [t.realised for t in tenths]
    below = [max(t.realised - t.low, 0.0) for t in tenths]
    above = [max(t.high - t.realised, 0.0) for t in tenths]
    axes.plot([0, max(*x, *y)], [0, max(*x, *y)], color="grey", linewidth=0.8, linestyle=":")
    axes.plot(
        [t.predicted for t in raw],
        [t.realised for t in raw],
        "x",
        markersize=5,
        alpha=0.7,
        label="before | avant",
    )
    axes.errorbar(x, y, yerr=[below, above], fmt="o", markersize=4, capsize=2, label="after | après calibration")
    axes.legend(frameon=False)
    return _saved(figure, "svg", metadata={"Date": None})


def _called(kind: str) -> str:
    """What a kind of model is called, in both languages: there is one picture for both."""
    return " | ".join(dict.fromkeys(texts(language).get(kind, kind) for language in LANGUAGES))


def _canvas(across: str, up: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.6, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return figure, axes


def _saved(figure: Figure, form: str, **options: Any) -> bytes:
    into = io.BytesIO()
    figure.savefig(into, format=form, **options)
    return into.getvalue()
