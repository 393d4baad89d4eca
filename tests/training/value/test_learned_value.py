"""The value model of CDNOW's customers, and what is refused of a log that cannot test it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from features.build.log_table import learning_table
from features.config.use_case import LogUseCase, Value, load_use_case, use_case_from
from features.config.value_types import TomlTable
from features.errors import UseCaseError
from features.tables.digests import config_digest
from scoring.bundle.value_part import ValuePart
from tests.conftest import ROOT
from training.data.split import split
from training.fitting.fit import teach
from training.registry.mlflow_registry import Registry
from training.task import Task
from training.value.learned_value import learn_value, present
from training.value.tested_horizon import value_moments

UNREGISTERED = cast("Registry", None)  # nothing of a value is registered by itself


@dataclass(frozen=True)
class Learned:
    """What was learned, and of what."""

    task: Task
    part: ValuePart


def asking(horizon: int, **stated: float) -> LogUseCase:
    """The example of the next purchase, asked for a value."""
    use_case = load_use_case(ROOT / "examples/cdnow/propensity.toml")
    assert isinstance(use_case, LogUseCase)
    return use_case.model_copy(update={"value": days(horizon, **stated)})


def days(horizon: int, **stated: float) -> Value:
    """A value within so many days."""
    return Value.model_validate({"horizon": f"{horizon}d", **stated})


@pytest.fixture(scope="module")
def learned() -> Learned:
    """Of the spend within 90 days."""
    use_case = asking(90)
    table = learning_table(use_case)
    task = Task(use_case, table, Path("home"), UNREGISTERED, "never")
    parts = split(table, seed=use_case.seed)
    taught = teach(table.features, parts.fit, parts.stop, parts.calibrate, label_event=task.label_event)
    found = learn_value(task, taught)
    assert found is not None
    assert found.stored is not None
    return Learned(task.parted(), found.stored.part)


def test_cdnow_spends_what_was_expected(learned: Learned) -> None:
    """Within 90 days from 1998-04-02: the total within a tenth, ranked no worse than by what was spent before."""
    test = learned.part.test

    assert (test.cutoff, test.customers) == ("1998-04-02", 23570)
    assert test.ratio == pytest.approx(1, abs=0.1)
    assert (test.gini or 0) >= (test.past_gini or 0) > 0.7
    assert test.actual == pytest.approx(211934.34)


def test_the_simplest_of_the_best_is_taken_on_rows_of_a_later_time(learned: Learned) -> None:
    """No simpler candidate is within .2 % of the best; all of them competed on the same rows."""
    part, losses = learned.part, learned.part.candidates
    best = min(one.deviance for one in losses.values())

    good = [kind for kind, one in losses.items() if one.deviance <= 1.002 * best]

    assert list(losses) == ["past_spend", "bgnbd", "mbgnbd", "tweedie"]
    assert part.kind == good[0]
    assert part.calibrated_on == "later"


def test_a_horizon_of_more_than_twice_the_tested_is_refused(learned: Learned) -> None:
    """Of 546 days a third can be tested; twice that is extrapolated, and a day more is a sentence."""
    longest = value_moments(learned.task, asking(364), days(364))

    assert (longest.days, len(longest.train)) == (182, 1)
    with pytest.raises(
        UseCaseError, match=r"value\.horizon: must be at most twice .* 182 days of 546 .*, got 365 days"
    ):
        value_moments(learned.task, asking(365), days(365))


def test_outcome_windows_share_nothing(learned: Learned) -> None:
    """Each ends where the next begins, the last inside the log."""
    for horizon in (30, 90, 120, 180):
        moments = value_moments(learned.task, asking(horizon), days(horizon))
        every = (*moments.train, moments.test)

        assert {(later - earlier).days for earlier, later in pairwise(every)} == {horizon}


def test_money_later_is_worth_less_today() -> None:
    """At ten per cent a year, what comes over a year is worth about five per cent less; without a rate nothing less."""
    year = days(365, discount=0.1)

    assert present(year) == pytest.approx((1 - 1 / 1.1) / 0.0953101798)
    assert present(days(365)) == 1.0


def test_a_value_goes_with_amounts() -> None:
    """A ready table has no time after a moment, and a log without amounts nothing to add up: both are said at once."""
    table: TomlTable = {"name": "t", "polarity": "positive", "table": {"path": "t.csv", "label": "y", "positive": 1}}
    label: TomlTable = {"event": "buy", "outcome": "present"}
    window: TomlTable = {"window": {"prediction": "90d"}, "label": label}
    events = {"path": "e.csv", "customer_id": "c", "timestamp": "t", "type": "buy"}
    log: TomlTable = {"name": "t", "polarity": "positive", "events": events, **window}

    for raw, rule in ((table, r"\[value\] goes with \[events\]"), (log, r"\[value\] needs events\.amount")):
        with pytest.raises(UseCaseError, match=rule):
            use_case_from({**raw, "value": {"horizon": "90d"}}, Path("t.toml"))
    paid: TomlTable = {**events, "name": "shop", "path": "f.csv", "amount": "a"}
    both: TomlTable = {**log, "events": [{**events, "name": "web"}, paid], "label": {**label, "event": "web_buy"}}
    assert isinstance(use_case_from({**both, "value": {"horizon": "90d"}}, Path("t.toml")), LogUseCase)


def test_a_use_case_without_a_value_is_as_it_was() -> None:
    """Its digest, from which a bundle's key is made, does not know that there are values."""
    with_value = asking(90)
    without = with_value.model_copy(update={"value": None})

    assert config_digest(without) == config_digest(load_use_case(ROOT / "examples/cdnow/propensity.toml"))
    assert config_digest(without) != config_digest(with_value)
