"""What a model would have been worth: never praise where chance would have done as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.config.display_texts import InBothLanguages
from features.config.use_case import UseCase
from tests.support.worlds import table_case
from training.data.clusters import Clusters
from training.diagnostics.business_value import worth

ROWS = 500
NOISE = np.random.default_rng(4).random(ROWS)
LABEL = (np.random.default_rng(3).random(ROWS) < 0.55).astype(float)


@pytest.fixture
def case(tmp_path: Path) -> UseCase:
    """A use case on a ready table."""
    return table_case(tmp_path, pl.DataFrame({"x": [1.0, 2.0], "y": ["yes", "no"]}))


def test_a_model_that_finds_no_more_than_chance_is_not_praised(case: UseCase) -> None:
    """The sentence begins with it, in both languages, and shows the figures all the same."""
    told = worth(case, LABEL, NOISE, Clusters.apart(ROWS), None)

    assert told.text["en"].startswith(f"Not surely more than chance: of the top 100, {told.hits} would have had")
    assert told.text["fr"].startswith("Pas sûrement plus que le hasard : des 100 premiers, ")


def test_a_model_that_finds_more_says_so(case: UseCase) -> None:
    """Where surely more is found, it is said as before."""
    told = worth(case, LABEL, 0.3 * NOISE + 0.6 * LABEL, Clusters.apart(ROWS), None)

    assert told.text["en"].startswith("Had you contacted the top 100, 100 would have had")


def test_an_outcome_stands_as_it_is_stated(case: UseCase) -> None:
    """In place of a column and its value, whether or not surely more is found; of purchases there is a sentence."""
    outcome = InBothLanguages(fr="achète.", en="buys")
    stated = case.model_copy(update={"outcome": outcome})

    sure, unsure = (
        worth(stated, LABEL, served, Clusters.apart(ROWS), None) for served in (0.3 * NOISE + 0.6 * LABEL, NOISE)
    )

    chance = sure.at_random
    assert (
        sure.text["en"]
        == f"Had you contacted the top 100, “buys” would have come true 100 times, against {chance} at random."
    )
    assert sure.text["fr"].startswith(
        "Si vous aviez contacté les 100 premiers, «\u00a0achète\u00a0» se serait vérifié 100 fois"
    )
    assert unsure.text["en"].startswith("Not surely more than chance: among the top 100, “buys” would have come true")
    assert unsure.text["fr"].startswith(
        "Pas sûrement plus que le hasard : parmi les 100 premiers, «\u00a0achète\u00a0»"
    )
    assert unsure.hits == worth(case, LABEL, NOISE, Clusters.apart(ROWS), None).hits


def test_five_customers_of_twenty_rows_are_no_proof(case: UseCase) -> None:
    """Four customers of five, each with twenty rows, are not eighty of a hundred."""
    label = np.repeat([1.0, 1.0, 1.0, 0.0, 1.0, *([0.0, 1.0] * 10)], 20)
    served = np.linspace(0.9, 0.1, len(label))

    told = {
        len(np.unique(who)): worth(case, label, served, Clusters.of(who), None).text["en"]
        for who in (np.arange(len(label)), np.repeat(np.arange(25), 20))
    }

    assert told[500].startswith("Had you contacted the top 100, 80")
    assert told[25].startswith("Not surely more than chance")
