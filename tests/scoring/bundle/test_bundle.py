from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from scoring.answers.verification import verify_release
from scoring.bundle.bundle import load_bundle
from scoring.bundle.golden_rows import replay
from scoring.errors import BundleError
from scoring.releases.current_pointer import current_version, released_use_cases
from scoring.releases.store import install_release, load_release, make_current
from tests.conftest import ROOT
from tests.support import forks
from tests.support.models import release_shop, write_shop_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of its own, to be damaged."""
    write_shop_bundle(tmp_path / "bundle", "shop")
    return tmp_path / "bundle"


def test_the_same_model_writes_the_same_bytes(tmp_path: Path) -> None:
    """A bundle holds no clock, host or path."""
    for name in ("one", "two"):
        write_shop_bundle(tmp_path / name, "shop")

    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))

    assert one == two


@pytest.mark.parametrize("name", ["model.ubj", "golden.jsonl", "reference.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "extend"])
def test_a_damaged_file_is_refused_before_it_is_parsed(bundle: Path, name: str, damage: str) -> None:
    """Sizes and hashes are checked first, so the error speaks of the seal."""
    path = bundle / name
    content = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        changed = {"flip": content[:-1] + bytes([content[-1] ^ 1]), "truncate": content[:-1], "extend": content + b" "}
        path.write_bytes(changed[damage])

    with pytest.raises(BundleError, match=f"sealed: {name}"):
        load_bundle(bundle)


def test_a_manifest_with_another_hash_than_the_release_names_is_refused(tmp_path: Path) -> None:
    """Changing a threshold in a released manifest is noticed."""
    release_shop(tmp_path, "shop", scratch=tmp_path / "s")
    manifest = tmp_path / "releases" / "shop" / "1" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"a": 0.9', '"a": 0.8'))

    with pytest.raises(BundleError, match="sha256"):
        load_release(tmp_path, "shop")


@pytest.mark.parametrize("decides", ["", " "], ids=["unstated", "blank"])
def test_a_price_without_who_decides_is_not_served(tmp_path: Path, decides: str) -> None:
    """Nor is an effect that is none of ours; with who decides it is, and a bundle of before effects is of marketing."""
    write_shop_bundle(tmp_path / "sound", "n", effect="price", human_decision="The pricing team")
    write_shop_bundle(tmp_path / "earlier", "n")

    with pytest.raises(BundleError, match="must say who decides and how"):
        write_shop_bundle(tmp_path / "broken", "n", effect="price", human_decision=decides)
    with pytest.raises(BundleError, match="effect"):
        write_shop_bundle(tmp_path / "other", "n", effect="credit", human_decision="A clerk")
    assert load_bundle(tmp_path / "sound").manifest.decisive
    assert not load_bundle(tmp_path / "earlier").manifest.decisive
    assert b"effect" not in (tmp_path / "earlier" / "manifest.json").read_bytes()


def test_golden_rows_that_are_not_reproduced_are_told(tmp_path: Path) -> None:
    """A bundle whose golden rows were computed with another calibration does not replay."""
    write_shop_bundle(tmp_path / "bundle", "shop", calibration={"a": 0.7, "b": 0.0})

    with pytest.raises(BundleError, match="golden"):
        replay(load_bundle(tmp_path / "bundle"))


def test_a_sound_bundle_replays_every_golden_row(bundle: Path) -> None:
    """All thirty agree."""
    assert replay(load_bundle(bundle)) == 30


def test_a_folder_that_is_not_the_version_it_says_is_refused(tmp_path: Path) -> None:
    """A release moved by hand under another number is not served."""
    release_shop(tmp_path, "shop", "1", scratch=tmp_path / "s")
    shutil.copytree(tmp_path / "releases" / "shop" / "1", tmp_path / "releases" / "shop" / "2")

    with pytest.raises(BundleError, match="another name or version"):
        load_release(tmp_path, "shop", version="2")


def test_installing_again_gives_identical_bytes_and_only_current_moves(tmp_path: Path) -> None:
    """The release store is a cache: what was deleted comes back the same."""
    release_shop(tmp_path, "shop", "1", scratch=tmp_path / "s")
    folder = tmp_path / "releases" / "shop" / "1"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)

    install_release(
        tmp_path, "shop", "1", tmp_path / "s" / "shop-1", report=before["report.html"],
        facts={"registered_at": "2026-01-01T00:00:00Z", "run_id": "test"},
    )  # fmt: skip
    make_current(tmp_path, "shop", "1")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert current_version(tmp_path, "shop") == "1"
    assert released_use_cases(tmp_path) == ["shop"]


@pytest.mark.parametrize("damage", ["model", "golden"])
def test_the_child_refuses_what_hashes_cannot(tmp_path: Path, damage: str) -> None:
    """A sealed bundle whose model does not parse, or whose golden rows differ, ends in the child."""
    changes: dict[str, Any] = {"calibration": {"a": 0.5, "b": 0.1}} if damage == "golden" else {}
    write_shop_bundle(tmp_path / "bundle", "shop", **changes)
    if damage == "model":
        reseal(tmp_path / "bundle", "model.ubj", np.random.default_rng(3).bytes(4000))
    install_release(tmp_path, "shop", "1", tmp_path / "bundle", facts={})

    with pytest.raises(BundleError):
        verify_release(tmp_path, "shop", "1")


@pytest.mark.parametrize(
    ("gone", "rule"),
    [("blend.json", "known to this revision, got xgboost"), ("member-xgboost.ubj", "a model and golden rows")],
)
def test_a_model_of_a_kind_that_is_not_known_is_refused(tmp_path: Path, gone: str, rule: str) -> None:
    """By a sentence that names the kind; so is a blend without one of its members."""
    write_shop_bundle(tmp_path / "bundle", "shop", blended=True)
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    del manifest["files"][gone]
    (tmp_path / "bundle" / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(BundleError, match=rule):
        load_bundle(tmp_path / "bundle")


def test_the_child_accepts_a_sound_release(home: Path) -> None:
    """Nothing is raised."""
    verify_release(home, "churn", "1")


def reseal(folder: Path, name: str, content: bytes) -> None:
    """Replaces a file and its seal, as someone with write access could."""
    from scoring.bundle.bundle import canonical_json, seal

    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = msgspec.to_builtins(seal(content))
    (folder / name).write_bytes(content)
    (folder / "manifest.json").write_bytes(canonical_json(manifest))


def test_every_name_a_use_case_may_have_can_stand_on_the_release_store(tmp_path: Path) -> None:
    """Capitals and dots are names too; a path is not."""
    release_shop(tmp_path, "Churn_B2B.v2", scratch=tmp_path / "s")

    assert released_use_cases(tmp_path) == ["Churn_B2B.v2"]
    assert load_release(tmp_path, "Churn_B2B.v2").bundle.name == "Churn_B2B.v2"
    with pytest.raises(BundleError, match="named"):
        load_release(tmp_path, "../Churn_B2B.v2", version="1")


AT_ONCE = """
import sys, threading
from pathlib import Path
from scoring.bundle.bundle import load_bundle
sys.setswitchinterval(1e-6)
start = threading.Barrier(8)
def read():
    start.wait()
    load_bundle(Path(sys.argv[1]))
threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_threads_may_be_the_first_to_read_bundles_at_once(tmp_path: Path) -> None:
    """A server's first looks at two releases are at the same time; where types are looked up then, it crashes."""
    write_shop_bundle(tmp_path / "bundle", "churn")

    ended = [
        forks.run(["-c", AT_ONCE, str(tmp_path / "bundle")], cwd=ROOT, env=os.environ).returncode for _ in range(8)
    ]

    assert ended == [0] * 8
