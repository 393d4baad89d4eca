"""How long a log may be silent before anybody need ask: by when customers were seen last."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from monitoring.state.silences import LATELY, YEAR, usual_silence


def seen(
    *closed: tuple[float, float], customers: int = 4_000, until: float = 400.0, seed: int = 1
) -> NDArray[np.float64]:
    """Days since customers were seen last, evenly over some days but for those on which the shop was closed."""
    ages = np.random.default_rng(seed).uniform(0, until, customers)
    for first, last in closed:
        ages = ages[(ages < first) | (ages > last)]
    return ages


def test_a_shop_that_is_open_every_day_is_never_silent() -> None:
    """Nothing but a day begun."""
    assert usual_silence(seen()) <= 1


def test_what_is_closed_each_week_is_usual_and_one_closure_is_not() -> None:
    """Two days each week are; ten days once, lately, are not: the source may have failed then as now."""
    weekends = [(float(day), day + 2.0) for day in range(3, int(LATELY), 7)]

    assert usual_silence(seen(*weekends)) == 3
    assert usual_silence(seen((20.0, 30.0))) <= 1


def test_a_feast_of_last_year_is_usual_at_the_same_time_this_year() -> None:
    """Some weeks around it, since feasts move; at another time of the year it is not."""
    assert usual_silence(seen((YEAR - 12, YEAR))) in (12, 13)
    assert usual_silence(seen((YEAR - 20, YEAR - 8))) in (12, 13)
    assert usual_silence(seen((250.0, 262.0))) <= 1


@pytest.mark.parametrize("customers", [0, 1, 5, 60])
def test_a_lack_of_customers_is_no_feast(customers: int) -> None:
    """So few were last seen a year ago that they are days apart anyway."""
    old = np.random.default_rng(customers).uniform(YEAR - 28, YEAR + 28, customers)
    lately = seen(until=LATELY)

    assert usual_silence(np.concatenate([lately, old])) <= 1


def test_the_silence_of_now_never_excuses_itself() -> None:
    """Whoever was seen last, however long ago, nothing is usual that was not so before."""
    assert usual_silence(seen() + 9.0) <= 1
    assert usual_silence(np.empty(0)) == 0
