"""What a training makes of a campaign: who is refused, what is adopted, and what the bundle then serves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest

from features.errors import DataError, UseCaseError
from scoring.answers.block_answers import encode_answers
from scoring.answers.explain import explain_profile
from scoring.answers.flat import flat_results
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live, open_live
from scoring.batch.table_answers import score_table
from scoring.bundle.bundle import Bundle, canonical_json, load_bundle
from scoring.bundle.golden_rows import replay
from scoring.encoding.block import Block
from scoring.errors import BundleError
from scoring.models.additive import LinearModel
from scoring.models.calibration import Calibration
from scoring.segments.assignment import DEFAULT
from tests.conftest import made_once
from tests.support.campaign_world import campaign, on_all, on_visits, task_of, write_campaign
from training.data.encode import encode
from training.data.split import split
from training.fitting.linear import constant
from training.promotion.gate import uplift_decision
from training.registry.mlflow_registry import Registry
from training.registry.pyfunc_model import ServedProbability
from training.train import train
from training.uplift.learned_uplift import learn_campaign

ROWS = 1600
FEATURES = ("spend", "visits", "age", "city")


@pytest.fixture(scope="session")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a campaign with a planted effect was trained; its line in `lines.json`."""
    return made_once(tmp_path_factory, "uplift", _train)


def _train(folder: Path) -> None:
    file = write_campaign(folder, campaign(ROWS, on_visits(2.5), seed=7), seed=3, candidate="logit")
    task = task_of(file)
    line = train(task.use_case, home=folder / "home", registry=Registry(folder / "home"), mode="gate")
    (folder / "lines.json").write_text(json.dumps(line), encoding="utf-8")


@pytest.fixture(scope="session")
def line(adopted: Path) -> dict[str, Any]:
    """The line of the training."""
    found: dict[str, Any] = json.loads((adopted / "lines.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="session")
def live(adopted: Path) -> Mapping[str, Live]:
    """What serves."""
    return open_live(adopted / "home", ["spring"])


def profiles(adopted: Path, count: int = 40) -> list[dict[str, Any]]:
    """Customers as they are posted."""
    rows = pl.read_parquet(adopted / "campaign.parquet").head(count)
    return [
        {"customer_id": row["customer"], "features": {name: row[name] for name in FEATURES}} for row in rows.to_dicts()
    ]


def test_a_planted_effect_is_adopted_and_says_by_how_much(line: dict[str, Any]) -> None:
    """It beats plain response and contacting anybody, each by its one-sided end."""
    gains = line["decision"]["uplift"]

    assert line["promoted"]
    assert line["reason"].startswith("Picking 30% of the customers by uplift surely brings more than by plain response")
    assert gains["response"]["low"] > 0
    assert gains["everyone"]["low"] > 0
    assert gains["level"] == 0.05  # for one learner


def test_reasons_add_up_to_the_difference_of_log_odds_on_every_test_row(live: Mapping[str, Live]) -> None:
    """The receipt has counted the rows of both arms."""
    part = live["spring"].scorer.bundle.manifest.uplift

    assert part
    assert part.receipt.rows == ROWS // 5
    assert part.receipt.largest_sum_difference < 1e-6
    assert part.receipt.largest_base_difference < 1e-5
    assert part.kind == live["spring"].scorer.bundle.manifest.kind == part.evidence.learner


def test_every_door_gives_the_same_effect(adopted: Path, live: Mapping[str, Live]) -> None:
    """Posted, as a flat row, in a file, by MLflow's model, and explained: to the bit."""
    posted = profiles(adopted)
    rows = pl.DataFrame([{"customer_id": one["customer_id"], **one["features"]} for one in posted])

    results = score_profiles(live, posted, reasons=4)
    flat = flat_results(live, results, None, 4, policy=DEFAULT)
    table = score_table(live, rows.to_arrow(), reasons=4).to_pylist()
    pyfunc = ServedProbability()
    pyfunc.load_context(type("Context", (), {"artifacts": {"bundle": str(live["spring"].release.folder)}}))

    answers = [result["scores"]["spring"] for result in results]
    effects = [answer["uplift"] for answer in answers]
    assert [{key: row[f"spring_{key}"] for key in table[0] if f"spring_{key}" in row} for row in flat] == [
        {key: value for key, value in row.items() if f"spring_{key}" in flat[0]} for row in table
    ]
    assert [row["uplift"] for row in table] == [effect["uplift"] for effect in effects]
    assert [row["log_odds_if_not"] for row in table] == [effect["log_odds_if_not"] for effect in effects]
    assert [row["log_odds_difference_reason_1_contribution"] for row in table] == [
        effect["log_odds_difference_reasons"][0]["contribution"] for effect in effects
    ]
    frame = pyfunc.predict(None, pd.DataFrame([one["features"] for one in posted]))
    assert frame["uplift"].tolist() == [effect["uplift"] for effect in effects]
    assert frame["probability"].tolist() == [answer["probability"] for answer in answers]


def test_an_effect_is_explained_in_full(adopted: Path, live: Mapping[str, Live]) -> None:
    """Base value and contributions are the difference of both log-odds; probabilities are those of the log-odds."""
    one = profiles(adopted, 1)[0]

    explained = explain_profile(live["spring"], one)
    effect = explained["uplift"]

    amounts = effect["log_odds_difference_contributions"]
    assert set(amounts) == set(FEATURES)
    assert {one["feature"]: one["contribution"] for one in effect["log_odds_difference_reasons"]} == amounts
    total = effect["log_odds_difference_base_value"] + sum(amounts.values())
    assert total == pytest.approx(effect["log_odds_difference"], abs=1e-9)
    treated, control = (1 / (1 + np.exp(-effect[key])) for key in ("log_odds_if_treated", "log_odds_if_not"))
    assert effect["uplift"] == pytest.approx(treated - control, abs=1e-12)
    assert explained["probability"] == pytest.approx(treated, abs=1e-12)


def test_an_uplift_that_is_not_reproduced_is_refused(live: Mapping[str, Live]) -> None:
    """Golden rows hold it beside the probability."""
    bundle = live["spring"].scorer.bundle
    assert bundle.control is not None

    with pytest.raises(BundleError, match="golden row"):
        replay(Bundle(bundle.manifest, bundle.model, bundle.golden, bundle.files, bundle.model))


def test_a_control_model_that_was_exchanged_is_refused(live: Mapping[str, Live], tmp_path: Path) -> None:
    """It is sealed as every other file."""
    for path in live["spring"].release.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "control.json").write_bytes((tmp_path / "model.json").read_bytes())

    with pytest.raises(BundleError, match=r"control\.json"):
        load_bundle(tmp_path)


def test_the_same_effect_for_all_is_not_worth_a_model(tmp_path: Path) -> None:
    """Where few answer, those who do answer gain most too: plain response is as good."""
    rows = campaign(1200, on_all(0.8), seed=5, base=-2.5, slope=0.8)
    task = task_of(write_campaign(tmp_path, rows))

    lesson = learn_campaign(task, split(task.table, seed=task.seed))

    assert lesson is not None
    decision = uplift_decision(lesson.evidence)
    assert not decision.promote
    assert decision.rule == "uplift_as_response"
    assert decision.reason.startswith("Plain response is as good")
    assert lesson.evidence.effect.low > 0  # the campaign itself brought something
    assert lesson.evidence.level == 0.025  # 5%, for two learners


def test_a_treatment_that_features_tell_is_refused(tmp_path: Path) -> None:
    """Customers were chosen, or a column is known only after the treatment: nothing can be learned of the effect."""
    rows = campaign(800, on_all(0.5), seed=1)
    chosen = rows.with_columns(spend=pl.col("spend") + 0.7 * (pl.col("treated") == "yes"))
    task = task_of(write_campaign(tmp_path, chosen))

    with pytest.raises(DataError, match="drawn by chance alone, features tell it"):
        learn_campaign(task, split(task.table, seed=task.seed))


def test_another_share_than_was_drawn_is_refused(tmp_path: Path) -> None:
    """Rows of an arm are missing, so the arms cannot be compared."""
    task = task_of(write_campaign(tmp_path, campaign(800, on_all(0.5), seed=1), more="share = 0.6\n"))

    with pytest.raises(DataError, match=r"0\.6 were to be treated, got 0\.48"):
        learn_campaign(task, split(task.table, seed=task.seed))


def test_only_its_learners_can_be_asked_for(tmp_path: Path) -> None:
    """A forest is none of them."""
    task = task_of(write_campaign(tmp_path, campaign(400, on_all(0.5), seed=1), candidate="forest"))

    with pytest.raises(UseCaseError, match="must be one of logit, xgboost"):
        learn_campaign(task, split(task.table, seed=task.seed))


def test_an_arm_of_which_features_tell_nothing_has_one_rate(live: Mapping[str, Live]) -> None:
    """Its model says that of everyone, and explains it by nothing."""
    bundle = live["spring"].scorer.bundle
    rows = encode(live["spring"].scorer.encoder, campaign(50, on_all(0.0), seed=2), np.float32)

    model = LinearModel.parse(
        canonical_json(msgspec.to_builtins(constant(bundle.features, bundle.manifest.encoder, 0.25)))
    )

    assert Calibration(1.0, 0.0).probability(model.margin(rows)) == pytest.approx(0.25)
    assert not model.contributions(rows).any()


def test_blocks_are_answered_row_by_row_where_an_effect_is_served(adopted: Path, live: Mapping[str, Live]) -> None:
    """The way by columns knows nothing of it, and says so."""
    posted = [(one["customer_id"], one["features"]) for one in profiles(adopted, 3)]
    block = Block.of(posted, live["spring"].scorer.encoder.shape)

    assert encode_answers(live, block, use_cases=None, language="en", policy=DEFAULT) is None
    assert score_profiles(live, block)[0]["scores"]["spring"]["uplift"]["uplift"] != 0
