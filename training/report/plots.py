"""Pictures of a model's test: ranking, calibration, gain and lift, and what drives it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.spec.languages import LANGUAGES
from scoring.text.messages import texts
from training.bundling.shapley_oracle import shap_library
from training.evaluation.metrics import Outcomes
from training.report.svg import COLOURS, GREY, ROW, Box, Plot, Scale, document

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}
CONTACTED = "Share contacted | Part contactée"
POINTS = 400  # most points a curve is drawn with
WIDTH, HEIGHT, BOX = 440, 300, Box(52, 12, 376, 240)
Floats = NDArray[np.float64]
Curves = Mapping[str, Floats]  # probabilities by candidate, the model first


def draw(label: NDArray[Any], served: Curves, raw: Floats) -> dict[str, bytes]:
    """The curves of the model and of its baselines on the same test rows, as SVG by file name.

    `raw` are the model's probabilities before calibration.
    """
    outcomes = {kind: Outcomes.of(label, probability) for kind, probability in served.items()}
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
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap draws by calls that its libraries are about to retire
        shared = shap.Explanation(values=contributions, data=values, feature_names=names)
        shap.plots.beeswarm(shared, max_display=12, color_bar_label="Value | Valeur", show=False)
        figure = pyplot.gcf()
        figure.axes[0].set_xlabel("Contribution in log-odds | Contribution en log-cotes")
        figure.set_size_inches(7, 4.5)
        into = io.BytesIO()
        figure.savefig(into, format="png", dpi=110, bbox_inches="tight")
        pyplot.close(figure)
    return into.getvalue()


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
    points = [_thinned(*curve(one)) for one in outcomes.values()]
    plot = Plot(BOX, Scale(0.0, 1.0), Scale(0.0, max(1.0, *(float(y.max()) for _, y in points))))
    for (x, y), colour in reversed(list(zip(points, COLOURS, strict=False))):
        style = 'stroke-width="1.8"' if colour == COLOURS[0] else 'stroke-opacity=".7"'
        plot.curve(x, y, f'stroke="{colour}" {style}')
    return _finished(plot, across, up, list(zip(COLOURS, map(_called, outcomes), strict=False)))


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    keep = np.unique(np.linspace(0, len(x) - 1, POINTS).astype(int))
    return x[keep], y[keep]


def _calibration(outcomes: Outcomes, before: Outcomes) -> bytes:
    tenths, raw = outcomes.tenths(), before.tenths()
    x, y = np.array([t.predicted for t in tenths]), np.array([t.realised for t in tenths])
    low, high = np.array([t.low for t in tenths]), np.array([t.high for t in tenths])
    x_raw, y_raw = np.array([t.predicted for t in raw]), np.array([t.realised for t in raw])
    most = float(max(x.max(), x_raw.max())), float(max(high.max(), y_raw.max()))
    plot = Plot(BOX, Scale(0.0, 1.05 * most[0]), Scale(0.0, 1.05 * most[1]))
    plot.curve(np.array([0.0, min(most)]), np.array([0.0, min(most)]), f'stroke="{GREY}" stroke-dasharray="1 2"')
    plot.crosses(x_raw, y_raw, COLOURS[1])
    plot.intervals(x, low, high, COLOURS[0])
    plot.dots(x, y, COLOURS[0], 2.5)
    entries = [(COLOURS[1], "before | avant"), (COLOURS[0], "after | après calibration")]
    return _finished(plot, "Predicted | Prédit", "Realised, 90% interval | Réalisé", entries)


def _called(kind: str) -> str:
    """What a kind of model is called, in both languages: there is one picture for both."""
    return " | ".join(dict.fromkeys(texts(language).get(kind, kind) for language in LANGUAGES))


def _finished(plot: Plot, across: str, up: str, entries: list[tuple[str, str]]) -> bytes:
    plot.axes(across=across, up=up)
    plot.legend(entries, top=HEIGHT + 2)
    return document(WIDTH, HEIGHT + ROW * len(entries), [plot])
