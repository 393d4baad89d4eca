"""The curves of an additive model: what is drawn is what is served, and nothing that may not be named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from features.spec.languages import LANGUAGES, Language
from scoring.bundle.bundle import Bundle, load_bundle
from scoring.models.additive import LinearModel, NumericTerm, SplineTerm
from scoring.models.stored_model import parse_model
from serving.console.charts.shape_charts import curve_of, shape_charts
from serving.console.web.i18n import Texts
from serving.console.web.render import _templates
from tests.support.models import blend_files, write_shop_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A shop's bundle whose model is a sum of terms, two of them bent."""
    write_shop_bundle(tmp_path / "bundle", "shop")
    return replace(
        load_bundle(tmp_path / "bundle"), model=parse_model({"model.json": blend_files(b"")["member-additive.json"]})
    )


def test_a_curve_is_what_the_model_adds(bundle: Bundle) -> None:
    """At every point that is drawn, after the logarithm where there is one, on the calibrated scale."""
    assert isinstance(bundle.model, LinearModel)
    for place in (0, 4):
        term = bundle.model.terms[place]
        assert isinstance(term, SplineTerm)
        x, y = curve_of(term, bundle.calibration.a)
        rows = np.zeros((len(x), 6), dtype=np.float32)
        rows[:, place] = x

        served = bundle.calibration.a * bundle.model.contributions(rows)[:, place]

        assert y == pytest.approx(served, abs=1e-4)


def test_only_curves_of_features_that_may_be_named_are_drawn(bundle: Bundle) -> None:
    """The one that moves scores most stands first; straight terms have none, nor have forbidden features."""
    titles = [shape.chart.title for shape in shape_charts(bundle, Texts("en"))]
    barred = replace(bundle, manifest=msgspec.structs.replace(bundle.manifest, forbid=("joined on",)))
    straight = LinearModel((NumericTerm(False, 0.0, 1.0, 0.0),) * 6, 0.0)

    assert titles == ["Days since the last purchase", "Joined on"]
    assert [shape.chart.title for shape in shape_charts(barred, Texts("en"))] == titles[:1]
    assert shape_charts(replace(bundle, model=straight), Texts("en")) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_curves_stand_on_the_page_with_a_table(bundle: Bundle, language: Language) -> None:
    """Each as a picture, and its knots as numbers; dates are years."""
    texts = Texts(language)

    page = _templates().get_template("shapes.html").render(texts=texts, shapes=shape_charts(bundle, texts))

    assert page.count("<svg class=") == 2
    assert page.count("<table") == 2
    assert re.search(r">199\d<", page)
    assert texts["shapes_text"] in page
