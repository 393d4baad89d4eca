"""Segmentations registered: stable codes, the gate, releases, and all that knows only scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.errors import UseCaseError
from scoring.errors import BundleError
from scoring.releases.current_pointer import current_version, released_segmentations, released_use_cases
from scoring.releases.promotion_log import decided_use_cases, read_decisions
from scoring.segments.personas import GroupTheme, read_personas
from scoring.segments.segmentation_bundle import load_segmentation_bundle
from scoring.segments.segmentation_release import load_segmentation
from tests.support.grouped import clusters_of, customers, segmentation_of, without_groups
from tests.support.worlds import table_case
from training.errors import Refused
from training.promotion.sync import promote, rollback, sync
from training.registry.mlflow_registry import Registry
from training.segmentation.group_gate import stable_codes
from training.segmentation.register import RegisteredSegmentation, register_segmentation
from training.train import train


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two versions of a segmentation: the second of other customers, its clusters in another order."""
    return tmp_path_factory.mktemp("segmented")


@pytest.fixture(scope="module")
def registry(home: Path) -> Registry:
    """Its registry."""
    return Registry(home)


@pytest.fixture(scope="module")
def versions(home: Path, registry: Registry) -> tuple[RegisteredSegmentation, RegisteredSegmentation]:
    """Both versions."""
    first = register_segmentation(home, registry, segmentation_of(customers(300)))
    second = register_segmentation(home, registry, segmentation_of(customers(400, seed=1), (2, 0, 1)))
    return first, second


Versions = tuple[RegisteredSegmentation, RegisteredSegmentation]


def test_the_first_serves_and_a_refit_keeps_the_codes(versions: Versions, home: Path) -> None:
    """Whatever order a refit finds clusters in; the gate lists who would move."""
    first, second = versions

    assert (first.version, first.promoted, second.version, second.promoted) == ("1", True, "2", True)
    assert first.learned.codes == ("group_1", "group_2", "group_3")
    assert second.learned.codes == ("group_3", "group_1", "group_2")
    assert second.moves is not None
    assert second.moves["rows"] == 400
    assert second.moves["changed"] < 20
    assert str(second.moves["changed"]) in second.reason
    assert load_segmentation(home, "habits").version == "2"
    assert first.learned.labels["group_1"] == {"en": "Recent, frequent", "fr": "Récents, fréquents"}


def test_themes_follow_the_codes_and_leave_other_bundles_as_they_were(tmp_path: Path) -> None:
    """A refit's groups keep what their own members write; a bundle without themes has no word of them."""
    registry, first = Registry(tmp_path), segmentation_of(customers(300))
    register_segmentation(tmp_path, registry, first)
    refit = segmentation_of(customers(400, seed=1), (2, 0, 1))
    theme = {code: (GroupTheme("comment", (code,), 0.5, 0.1),) for code in refit.learned.codes}

    second = register_segmentation(tmp_path, registry, replace(refit, themes=theme))

    plain = (tmp_path / "releases/habits/1/personas.json").read_bytes()
    assert b"themes" not in plain
    said = {sheet.code: sheet.themes for sheet in second.sheets}
    assert said == {new: theme[old] for new, old in zip(second.learned.codes, refit.learned.codes, strict=True)}


def test_registering_the_same_again_changes_nothing(versions: Versions, home: Path, registry: Registry) -> None:
    """The same data, configuration and code are the same version."""
    again = register_segmentation(home, registry, segmentation_of(customers(400, seed=1), (2, 0, 1)))

    assert (again.version, again.promoted, again.learned) == ("2", False, versions[1].learned)
    assert again.which.tolist() == versions[1].which.tolist()


def test_nothing_that_knows_only_scores_sees_a_segmentation(versions: Versions, home: Path) -> None:
    """It is no use case, neither among the released nor among those that something was decided of."""
    assert versions
    assert released_segmentations(home) == ["habits"]
    assert released_use_cases(home) == decided_use_cases(home) == []
    assert [one["rule"] for one in read_decisions(home, "habits")][-2:] == ["segmentation_refit", "segmentation_first"]


def test_releases_are_brought_back_and_rolled_back(versions: Versions, home: Path, registry: Registry) -> None:
    """By `sync` from the registry alone, and by hand to the champion before."""
    assert versions
    (home / "releases" / "habits" / "2" / "segments.json").write_bytes(b"{}")
    (home / "releases" / "habits" / "CURRENT").unlink()

    assert [line["name"] for line in sync(registry, home)] == ["habits"]
    assert load_segmentation(home, "habits").version == "2"
    assert rollback(registry, home, "habits", None)["version"] == "1"
    assert promote(registry, home, "habits", "2")["version"] == current_version(home, "habits") == "2"


def test_where_nothing_was_found_nothing_serves(versions: Versions, home: Path, registry: Registry) -> None:
    """Neither by the gate, nor by force, nor by hand."""
    assert versions

    found = register_segmentation(home, registry, without_groups(segmentation_of(customers(90))), mode="always")

    assert not found.promoted
    assert found.reason.startswith("No clusters were found")
    with pytest.raises(Refused, match="No clusters were found"):
        promote(registry, home, "habits", found.version)
    assert current_version(home, "habits") == "2"


def test_sheets_are_of_medians_of_twenty_customers_and_more(versions: Versions, home: Path) -> None:
    """Each with its size, what parts it from all, a typical customer and the rate its members realised."""
    sheets = read_personas(load_segmentation(home, "habits", version="1").bundle.files["personas.json"])

    assert versions[0].sheets == sheets.groups
    assert sum(sheet.size for sheet in sheets.groups) == 300
    recent = sheets.groups[0]
    assert recent.typical["recency"] == pytest.approx(5, rel=0.1)
    assert recent.realised is not None
    assert recent.realised.rate == pytest.approx(0.1)
    assert {one.name for one in recent.profile} == {"recency", "orders", "country"}


def test_a_changed_bundle_is_refused(versions: Versions, home: Path, tmp_path: Path) -> None:
    """A golden row that comes out otherwise as well as a file that is not the one sealed."""
    assert versions
    folder = home / "releases" / "habits" / "1"
    for name in ("manifest.json", "segments.json", "golden.jsonl", "personas.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    load_segmentation_bundle(tmp_path)

    (tmp_path / "golden.jsonl").write_bytes((folder / "golden.jsonl").read_bytes().replace(b"group_1", b"group_2"))
    with pytest.raises(BundleError, match=r"golden\.jsonl has another sha256"):
        load_segmentation_bundle(tmp_path)


def test_a_cluster_far_from_all_of_the_champions_has_a_new_code() -> None:
    """A code that nothing was ever called; the others keep theirs."""
    champion, other = clusters_of(customers(300)), clusters_of(customers(300))
    far = tuple(np.asarray(other.centroids[1]) + 9.0)
    other = type(other)(
        features=other.features,
        centroids=(other.centroids[2], far, other.centroids[0]),
        codes=other.codes,
        labels=other.labels,
    )

    assert stable_codes(other, champion, ["group_4"]) == ("group_3", "group_5", "group_1")


def test_a_use_case_keeps_its_name(home: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segmentation of the same name is refused."""
    monkeypatch.setattr("training.segmentation.register.released_use_cases", lambda _: ["habits"])

    with pytest.raises(Refused, match="habits is a use case"):
        register_segmentation(home, registry, segmentation_of(customers(90)))


def test_a_use_case_that_was_never_promoted_keeps_its_name(home: Path, registry: Registry) -> None:
    """A version of it in the registry is enough."""
    made = replace(segmentation_of(customers(90)), name="unreleased")
    registry._client.create_registered_model(made.name)
    tags = {"penchant.kind": "xgboost", "penchant.digests": '{"manifest": "0"}'}
    registry._client.create_model_version(made.name, (home / "mlartifacts").as_uri(), None, tags=tags)

    with pytest.raises(Refused, match="unreleased is a use case"):
        register_segmentation(home, registry, made)


def test_a_use_case_takes_no_segmentations_name(
    versions: Versions, home: Path, registry: Registry, tmp_path: Path
) -> None:
    """It is refused before anything is read."""
    assert versions
    case = table_case(tmp_path, pl.DataFrame({"x": [1.0, 2.0], "y": ["yes", "no"]}))
    named = case.model_copy(update={"name": "habits"})

    with pytest.raises(UseCaseError, match="discovered groups"):
        train(named, home=home, registry=registry, mode="gate")
