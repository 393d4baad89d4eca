from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.answers.served_release import Live, open_live
from scoring.errors import BundleError, ClusterError
from scoring.segments.assignment import current_policy
from scoring.spark.executor_task import score_slice
from scoring.spark.job import SliceReport, SparkJob
from scoring.spark.opened_job import library_versions, open_job
from scoring.spark.slices import plan_slices
from scoring.spark.travelling_releases import ARCHIVE, open_copy, pack_releases, seals_of
from scoring.storage.table_files import BatchError
from tests.support.models import release_shop, shop_rows
from tests.support.segmented import release_habits

USE_CASES = ["churn", "propensity"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two use cases and a segmentation that reads the rows of both."""
    folder, scratch = tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("scratch")
    release_shop(folder, "churn", scratch=scratch, polarity="negative", seed=1)
    release_shop(folder, "propensity", scratch=scratch)
    release_habits(folder, scratch)
    return folder


@pytest.fixture(scope="module")
def opened(shop: Path) -> dict[str, Live]:
    """Its releases, as a driver has them."""
    return open_live(shop, USE_CASES, threads=1)


@pytest.fixture
def copy(opened: dict[str, Live], tmp_path: Path) -> Path:
    """The archive of these releases as an executor finds it, unpacked."""
    with zipfile.ZipFile(pack_releases(opened, tmp_path / "packed")) as archive:
        archive.extractall(tmp_path / ARCHIVE)
    return tmp_path / ARCHIVE


def job_of(live: dict[str, Live], folder: Path, home: Path, **changes: object) -> SparkJob:
    """A job of 300 customers with three reasons."""
    policy = current_policy(home)
    job = SparkJob(
        folder=str(folder),
        use_cases=USE_CASES,
        seals=seals_of(live),
        versions=library_versions(),
        policy=dict(policy.to_json()),
        policy_version=policy.version,
        reasons=3,
        language="fr",
        repeated=["canal d'achat"],
        rows=300,
        objectors=None,
    )
    return msgspec.structs.replace(job, **changes)


def test_a_copy_answers_as_the_home_does(opened: dict[str, Live], copy: Path) -> None:
    """Use cases, versions and segmentations are those of the driver; reports stay at home."""
    live = open_copy(copy, USE_CASES, seals_of(opened), threads=1, prepared=True)

    assert [one.release.version for one in live.values()] == [one.release.version for one in opened.values()]
    assert [list(one.discovering) for one in live.values()] == [["habits"], ["habits"]]
    assert not list(copy.rglob("report.html"))


@pytest.mark.parametrize("name", ["churn", "habits"])
@pytest.mark.parametrize("file", ["manifest.json", "golden.jsonl"])
def test_a_copy_that_is_not_what_was_sent_is_refused(opened: dict[str, Live], copy: Path, name: str, file: str) -> None:
    """One byte of a release or a segmentation; a manifest with it is refused though it says so of itself."""
    path = copy / "releases" / name / "1" / file
    content = path.read_bytes()
    path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])

    with pytest.raises(BundleError):
        open_copy(copy, USE_CASES, seals_of(opened), threads=1, prepared=True)


def test_another_release_in_its_place_is_refused(opened: dict[str, Live], copy: Path, tmp_path: Path) -> None:
    """One that is sound in itself, and not the one the driver has proved."""
    release_shop(copy, "churn", scratch=tmp_path / "other", polarity="negative", seed=7)

    with pytest.raises(BundleError, match="the one that was sent"):
        open_copy(copy, USE_CASES, seals_of(opened), threads=1, prepared=True)


def test_a_worker_with_other_libraries_is_refused(opened: dict[str, Live], copy: Path, shop: Path) -> None:
    """The rule names every library that differs."""
    versions = library_versions() | {"numpy": "1.0", "xgboost": "1.1"}

    with pytest.raises(ClusterError, match=r"numpy 1\.0, got .*; xgboost 1\.1, got"):
        open_job(job_of(opened, copy, shop, versions=versions), copy)


def test_rows_without_ids_or_number_are_refused(opened: dict[str, Live], copy: Path, shop: Path) -> None:
    """With an id it does not matter which row it is."""
    job = open_job(job_of(opened, copy, shop), copy)
    rows = shop_rows(3)

    with pytest.raises(BatchError, match="customer_id"):
        job.score(pa.Table.from_pylist(rows), None)
    assert len(job.score(pa.Table.from_pylist([{"customer_id": "c1", **rows[0]}]), None)) == 1


@pytest.fixture
def as_executor(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process finds the archive where an executor does."""
    monkeypatch.setattr("pyspark.SparkFiles._is_running_on_worker", True)
    monkeypatch.setattr("pyspark.SparkFiles._root_directory", str(copy.parent))
    monkeypatch.setattr("scoring.spark.executor_task.bar_training_libraries", lambda: None)  # for this process alone
    return copy


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three hundred customers."""
    rows = [{"customer_id": f"c{number}", **row} for number, row in enumerate(shop_rows(300, seed=3))]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_a_slice_scored_again_is_the_same_part(
    opened: dict[str, Live], as_executor: Path, shop: Path, source: Path, tmp_path: Path
) -> None:
    """Whichever try comes last, the part and its report are the same, and nothing lies beside it."""
    (tmp_path / "parts").mkdir()
    job = msgspec.json.encode(job_of(opened, tmp_path / "parts", shop))
    slices = [(number, msgspec.json.encode(one)) for number, one in enumerate(plan_slices(source, 100))]

    first = score_slice(job, slices[1])
    content = (tmp_path / "parts" / "part-000001.parquet").read_bytes()
    again = score_slice(job, slices[1])

    assert again == first
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["part-000001.parquet"]
    assert (tmp_path / "parts" / "part-000001.parquet").read_bytes() == content


def test_what_trying_again_cannot_mend_is_reported(
    opened: dict[str, Live], as_executor: Path, shop: Path, source: Path, tmp_path: Path
) -> None:
    """A missing column, and a folder that this machine does not share; what may pass is raised."""
    table = pq.read_table(source)
    pq.write_table(table.drop_columns(["subscribed"]), tmp_path / "less.parquet")
    planned = [plan_slices(path, 1000)[0] for path in (source, tmp_path / "less.parquet")]
    (tmp_path / "parts").mkdir()
    here, elsewhere = (msgspec.json.encode(job_of(opened, tmp_path / name, shop)) for name in ("parts", "none"))

    lacking = msgspec.json.decode(score_slice(here, (0, msgspec.json.encode(planned[1]))), type=SliceReport)
    apart = msgspec.json.decode(score_slice(elsewhere, (0, msgspec.json.encode(planned[0]))), type=SliceReport)
    source.unlink()

    assert "subscribed" in str(lacking.source_error)
    assert "the same on every machine" in str(apart.cluster_error)
    with pytest.raises(OSError, match="No such file"):
        score_slice(here, (0, msgspec.json.encode(planned[0])))
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_worker_imports_no_training_library(
    opened: dict[str, Live], copy: Path, shop: Path, source: Path, tmp_path: Path
) -> None:
    """None of mlflow, scikit-learn, pandas, shap, pandera, ibis, though Spark's own worker could."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "job").write_bytes(msgspec.json.encode(job_of(opened, tmp_path / "parts", shop)))
    (tmp_path / "slice").write_bytes(msgspec.json.encode(plan_slices(source, 1000)[0]))
    script = (
        "import sys, pyspark.worker; from pathlib import Path; from pyspark import SparkFiles;"
        "SparkFiles._is_running_on_worker, SparkFiles._root_directory = True, sys.argv[1];"
        "from scoring.spark.executor_task import score_slice; from scoring.lean_imports import BARRED;"
        "job, one = ((Path(sys.argv[1]) / name).read_bytes() for name in ('job', 'slice'));"
        "assert b'\"rows\":300' in score_slice(job, (0, one));"
        "assert not {name.partition('.')[0] for name in sys.modules} & set(BARRED)"
    )

    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
