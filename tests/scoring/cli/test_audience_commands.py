from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.audiences.contacts import ContactsFile, named_contacts
from scoring.cli.main import main
from scoring.privacy import suppression
from scoring.segments.assignment import current_policy
from scoring.segments.cut_points import tenths
from scoring.segments.policy_file import PolicyError, read_policy
from tests.scoring.segments.test_assignment import GOOD, USE_CASES
from tests.scoring.segments.test_policy_file import FAULTS
from tests.support.models import shop_rows


@pytest.fixture
def shop(home: Path, tmp_path: Path) -> Path:
    """A home of one's own with both releases, customers, and a good policy installed."""
    shutil.copytree(home, tmp_path / "home")
    rows = [{"customer_id": f"c{number}", **row} for number, row in enumerate(shop_rows(300, seed=4))]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    (tmp_path / "good.toml").write_text(GOOD.replace("> 70", "> 30"), encoding="utf-8")
    assert main(["segments", str(tmp_path / "good.toml"), "--home", str(tmp_path / "home")]) == 0
    return tmp_path


def run(shop: Path, *words: str) -> int:
    """Runs a command on the home."""
    return main([words[0], "--home", str(shop / "home"), *words[1:]])


def test_a_policy_may_begin_with_a_mark_of_its_encoding(shop: Path) -> None:
    """As editors on Windows write it."""
    (shop / "marked.toml").write_text(GOOD.replace("> 70", "> 30"), encoding="utf-8-sig")

    assert run(shop, "segments", str(shop / "marked.toml")) == 0


def test_every_fault_is_told_and_the_installed_policy_stays(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3, each fault with its line on stderr and in the document; what serves is not touched."""
    before = current_policy(shop / "home").version
    text = GOOD
    for old, new, _ in (FAULTS[0], FAULTS[15], FAULTS[17]):
        text = text.replace(old, new, 1)
    (shop / "bad.toml").write_text(text, encoding="utf-8")
    capsys.readouterr()

    code = run(shop, "segments", str(shop / "bad.toml"), "--json")

    printed = capsys.readouterr()
    faults = json.loads(printed.out)["faults"]
    assert code == 3
    assert len(faults) == 3
    assert [fault.partition(":")[0] for fault in sorted(faults)] == ["line 16", "line 6", "line 9"]
    assert all(fault in printed.err for fault in faults)
    assert current_policy(shop / "home").version == before


def test_what_is_no_text_is_refused_too(shop: Path) -> None:
    """Bytes that are not UTF-8."""
    (shop / "bad.toml").write_bytes(b"\xff\xfe")

    assert run(shop, "segments", str(shop / "bad.toml")) == 3


def test_the_sql_finds_in_a_scored_file_whom_the_snapshot_holds(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Over the columns that batch writes, joined with the features, in DuckDB."""
    scored = ["--use-case", "churn", "--use-case", "propensity", "--input", str(shop / "in.parquet")]
    assert main(["--home", str(shop / "home"), *scored, "--output", str(shop / "scored.parquet")]) == 0
    assert run(shop, "snapshot", "--input", str(shop / "in.parquet"), "--output", str(shop / "s.parquet")) == 0

    for code in ("hot", "rest", "hot_web"):
        capsys.readouterr()
        assert run(shop, "sql", code) == 0
        expression = capsys.readouterr().out.strip()
        query = (
            f"SELECT customer_id FROM '{shop}/in.parquet' JOIN '{shop}/scored.parquet' USING (customer_id) "  # noqa: S608 ours
            f"WHERE {expression} ORDER BY 1"
        )
        found = [row[0] for row in duckdb.sql(query).fetchall()]
        snapshot = pq.read_table(shop / "s.parquet").to_pylist()
        assert found == sorted(row["customer_id"] for row in snapshot if code in row["path"]) != []


def test_a_plain_batch_has_plain_sql(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the use case's name, for a file of one use case."""
    (shop / "one.toml").write_text(
        'use_cases = ["churn"]\n[[segment]]\ncode = "all"\nlabel = { fr = "a", en = "a" }\nrule = "churn.score > 0"\n'
        '[[segment]]\ncode = "others"\nlabel = { fr = "a", en = "a" }\nrule = "TRUE"\n'
    )
    assert run(shop, "segments", str(shop / "one.toml")) == 0
    capsys.readouterr()

    assert run(shop, "sql", "all", "--plain") == 0

    assert capsys.readouterr().out == """("status" IN ('not_eligible', 'scored') AND ("score" > 0)) IS TRUE\n"""


def test_a_snapshot_leaves_its_sizes_for_those_who_list_segments(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last counts by segment, with the policy, the models and the date they are of."""
    capsys.readouterr()
    assert run(shop, "snapshot", "--input", str(shop / "in.parquet"), "--output", str(shop / "s.parquet"),
               "--as-of", "2026-03-01", "--json") == 0  # fmt: skip

    sizes = json.loads((shop / "home/segments/sizes.json").read_text())
    said = json.loads(capsys.readouterr().out)
    assert sizes["sizes"] == said["sizes"]
    assert sizes["sizes"]["hot"] + sizes["sizes"]["rest"] + sizes["unplaced"] == 300
    assert (sizes["as_of"], sizes["policy"]) == ("2026-03-01", current_policy(shop / "home").version)


def test_two_snapshots_make_a_report(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the command line, for people and as a document."""
    source = str(shop / "in.parquet")
    assert run(shop, "snapshot", "--input", source, "--output", str(shop / "1.parquet"), "--as-of", "2026-01-01") == 0
    assert run(shop, "snapshot", "--input", source, "--output", str(shop / "2.parquet"), "--as-of", "2026-04-01",
               "--previous", str(shop / "1.parquet")) == 0  # fmt: skip
    pq.write_table(pa.table({"customer_id": ["c1", "c2"]}), shop / "o.parquet")
    words = ["segment-report", "--before", str(shop / "1.parquet"), "--after", str(shop / "2.parquet"),
             "--outcomes", str(shop / "o.parquet")]  # fmt: skip
    capsys.readouterr()

    assert run(shop, *words) == 0
    assert "hot" in capsys.readouterr().out
    assert run(shop, *words, "--json") == 0

    report = json.loads(capsys.readouterr().out)
    kept = json.loads((shop / "home/segments/report.json").read_text())
    assert kept == {"outcome": "outcome", **report}
    assert report["moved"] == 0
    assert sum(segment["realised"]["hits"] for segment in report["segments"] if segment["level"] == 1) == 2
    assert run(shop, *words[:1], "--before", str(shop / "2.parquet"), "--after", str(shop / "1.parquet")) == 2


def test_contacts_are_named_once_they_can_be_read(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where they are, never a copy; a file without the columns is refused and nothing is noted."""
    (shop / "c.csv").write_text("customer_id,mail,agreed\nc1,a@b.example,yes\nc2,c@d.example,no\n")
    columns = ["--email", "mail", "--consent", "agreed"]
    assert run(shop, "contacts", str(shop / "c.csv"), "--email", "mail", "--consent", "nothing") == 3
    assert named_contacts(shop / "home") is None
    capsys.readouterr()

    assert run(shop, "contacts", str(shop / "c.csv"), *columns, "--json") == 0

    assert json.loads(capsys.readouterr().out) == {"contacts": 2, "agreed": 1}
    assert named_contacts(shop / "home") == ContactsFile((shop / "c.csv").resolve(), "mail", "agreed")
    assert "example" not in (shop / "home/segments/contacts.json").read_text()


def test_a_table_of_consent_is_named_beside_the_contacts(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its channel and purpose, which the console then exports by; how many agreed is of that use."""
    (shop / "c.csv").write_text("customer_id,mail\nc1,a@b.example\nc2,c@d.example\n")
    (shop / "t.csv").write_text(
        "customer_id,channel,purpose,granted_at,withdrawn_at,source,text_version\n"
        "c1,email,news,2024-01-01,,shop,1\nc2,email,news,2024-01-01,2024-02-01,shop,1\n"
    )
    capsys.readouterr()

    assert run(shop, "contacts", str(shop / "c.csv"), "--email", "mail", "--consent-table", str(shop / "t.csv"),
               "--purpose", "News", "--json") == 0  # fmt: skip

    assert json.loads(capsys.readouterr().out) == {"contacts": 2, "agreed": 1}
    named = ContactsFile((shop / "c.csv").resolve(), "mail", None, (shop / "t.csv").resolve(), "email", "news")
    assert named_contacts(shop / "home") == named
    assert run(shop, "contacts", str(shop / "c.csv"), "--email", "mail") == 2


def test_whoever_was_erased_since_the_snapshot_is_not_addressed(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As one who objected; who was erased before it and came back may be."""
    assert run(shop, "snapshot", "--input", str(shop / "in.parquet"), "--output", str(shop / "s.parquet"),
               "--as-of", "2026-03-01") == 0  # fmt: skip
    day = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    rows = pq.read_table(shop / "s.parquet").to_pylist()
    before, since, *_ = (row["customer_id"] for row in rows if "rest" in row["path"])
    suppression.mark_erased(shop / "home", [before], at=day - 1)
    suppression.mark_erased(shop / "home", [since], at=day)
    capsys.readouterr()

    assert run(shop, "export", "--internal", "--snapshot", str(shop / "s.parquet"), "--segment", "rest",
               "--output", str(shop / "o.parquet"), "--format", "parquet", "--json") == 0  # fmt: skip

    written = pq.read_table(shop / "o.parquet").column("customer_id").to_pylist()
    assert json.loads(capsys.readouterr().out)["left_out"] == {"suppressed": 1}
    assert (before in written, since in written) == (True, False)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["sql", "nobody"], 2),
        (["snapshot", "--input", "absent.parquet", "--output", "o.parquet"], 3),
        (["snapshot", "--input", "in.parquet", "--output", "o.csv"], 2),
        (["snapshot", "--input", "in.parquet", "--output", "o.parquet", "--previous", "in.parquet"], 3),
        (["segments", "absent.toml"], 1),
    ],
)
def test_what_goes_wrong_has_the_code_of_its_kind(
    shop: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    """2 usage, 3 data that broke its contract, 1 what could not be read; nothing is written."""
    monkeypatch.chdir(shop)

    assert run(shop, *words) == code
    assert not (shop / "o.parquet").exists()


def test_a_rule_may_name_a_cut_point_fitted_in_training() -> None:
    """quantile(feature, 0.8) is the eighth tenth of the fitting rows, a plain number from then on."""
    cuts: dict[str, dict[str, tuple[float, ...]]]
    cuts = {"churn": {"monetary_365d": tuple(range(10, 100, 10))}, "propensity": {"monetary_365d": (0.0,) * 9}}
    text = GOOD.replace("purchases_90d >= 2", "monetary_365d >= quantile(monetary_365d, 0.8)")

    policy = read_policy(text, USE_CASES, cuts)

    assert policy.by_code["hot"].rule[2] == ("compare", ">=", ("column", "monetary_365d"), ("literal", 80))
    for wrong in ("quantile(monetary_365d, 0.85)", "quantile(monetary_365d)", "quantile(purchases_90d, 0.5)"):
        with pytest.raises(PolicyError, match=r"line 6: A quantile is"):
            read_policy(GOOD.replace("purchases_90d >= 2", f"monetary_365d >= {wrong}"), USE_CASES, cuts)


@pytest.mark.parametrize("seed", range(20))
def test_the_tenths_come_back_from_a_references_histogram(seed: int) -> None:
    """Whatever repeats: the lower tenths of the rows themselves."""
    rng = np.random.default_rng(seed)
    rows = np.floor(rng.exponential(rng.choice([0.5, 2, 50]), int(rng.integers(1, 400))))
    lower = np.quantile(rows, np.arange(1, 10) / 10, method="lower")
    edges = np.unique(lower)
    counts = np.bincount(np.searchsorted(edges, rows, side="right"), minlength=len(edges) + 1)

    assert tenths(edges.tolist(), counts.tolist()) == tuple(lower.tolist())


@pytest.mark.parametrize("text", ["segment = [1]", "segment = 3", "[[segment]]\ncode = ['a']", "", "use_cases = 1"])
def test_a_policy_of_any_shape_is_refused_in_words(text: str) -> None:
    """Never an error of ours."""
    with pytest.raises(PolicyError):
        read_policy(text, USE_CASES)
