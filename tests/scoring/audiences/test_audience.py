from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.audiences.audience import Contacts, in_holdout, read_contacts, read_suppressed, select_audience
from scoring.audiences.campaign import campaign_named
from scoring.audiences.export_formats import write_audience
from scoring.audiences.snapshot import AudienceError, SegmentSnapshot, SnapshotRecord, SnapshotSegment
from scoring.cli.main import main

SEGMENTS = ("a", "b", "c", "d", "e")
PINNED = ["c2", "c9", "c14", "c34", "c63"]  # held out by 0.1 and "spring", of c0, c1, ...


def snapshot_of(count: int, *, name: str = "model") -> SegmentSnapshot:
    """A snapshot of `count` customers spread over five segments, every third in the overlapping `extra` too."""
    codes = [SEGMENTS[row % 5] for row in range(count)]
    also = [["extra"] if row % 3 == 0 else [] for row in range(count)]
    day = date(2026, 3, 1)
    rows = {
        "customer_id": [f"c{row}" for row in range(count)],
        "segment": codes,
        "path": [[code] for code in codes],
        "also": also,
        "since": [day] * count,
        "path_since": pa.array([[day]] * count, pa.list_(pa.date32())),
        "also_since": pa.array([[day] * len(more) for more in also], pa.list_(pa.date32())),
        "came_from": pa.array([None] * count, pa.string()),
        f"{name}_score": [12.5] * count,
        f"{name}_band": ["low"] * count,
        f"{name}_reason_1_text": ["=HYPERLINK(1)", "@risk", "Last order; 3 days", "-5 or so", "plain"] * (count // 5),
    }
    listed: list[SnapshotSegment] = [
        {"code": code, "labels": {}, "level": 1, "exclusive": code != "extra"} for code in (*SEGMENTS, "extra")
    ]
    facts: SnapshotRecord = {"policy": "p", "models": {name: "1"}, "as_of": "2026-03-01", "segments": listed}
    return SegmentSnapshot(facts, pa.table(rows).replace_schema_metadata({b"penchant": json.dumps(facts).encode()}))


def test_nobody_is_addressed_who_must_not_be_and_each_is_counted_once(tmp_path: Path) -> None:
    """Of ten members: objections first, then contact, consent, address, an address used twice; three remain."""
    contacts = tmp_path / "contacts.csv"
    contacts.write_text(
        "customer_id,mail,ok\n"
        "c0,a@x,yes\nc5,b@x,true\nc10,c@x,no\nc15,,yes\nc20,A@X ,yes\nc25,d@x,oui\nc30,e@x,yes\nc35,f@x,1\n"
        "c40,g@x,yes\nc40,g@x,no\n"
    )
    barred = tmp_path / "barred.csv"
    barred.write_text("customer_id,email\nc25,\n,E@X\n")
    known = read_contacts(contacts, email="mail", consent="ok")

    audience = select_audience(
        snapshot_of(50), "a", contacts=known, suppressed=read_suppressed(barred, email="mail", contacts=known)
    )

    assert audience.rows.column("customer_id").to_pylist() == ["c0", "c5", "c35"]
    assert audience.rows.column("email").to_pylist() == ["a@x", "b@x", "f@x"]
    assert audience.left_out == {"suppressed": 2, "no_consent": 2, "no_email": 1, "same_email": 1, "no_contact": 1}


def test_an_objection_holds_for_the_address_too(tmp_path: Path) -> None:
    """Who objected is not written to through a second account with their address, or by another spelling of it."""
    contacts = Contacts({"c0": "ada@x", "c5": "ADA@x"}, {"c0": True, "c5": True})
    (tmp_path / "s.csv").write_text("customer_id\nc0\n")
    barred = read_suppressed(tmp_path / "s.csv", email="email", contacts=contacts)

    audience = select_audience(snapshot_of(10), "a", contacts=contacts, suppressed=barred)

    assert audience.left_out == {"suppressed": 2}


@pytest.mark.parametrize("header", ["telephone", "email"])
def test_a_suppression_that_cannot_be_applied_stops_the_export(tmp_path: Path, header: str) -> None:
    """A file of addresses needs contacts to compare with; one of neither ids nor addresses is none."""
    (tmp_path / "s.csv").write_text(f"{header}\nx@y\n")

    with pytest.raises(AudienceError, match="must hold customer_id"):
        read_suppressed(tmp_path / "s.csv", email=None, contacts=None)


def test_a_holdout_has_the_same_members_on_every_run_and_machine() -> None:
    """The first eight bytes of sha256(salt, 0, id) against the share; a larger share only adds members."""
    ids = [f"c{number}" for number in range(2000)]
    held = [one for one in ids if in_holdout(one, share=0.1, salt="spring")]

    digests = {one: hashlib.sha256(b"spring\x00" + one.encode()).hexdigest() for one in ids}
    assert held == [one for one in ids if int(digests[one][:16], 16) / 16**16 < 0.1]
    assert held[:5] == PINNED
    assert set(held) <= {one for one in ids if in_holdout(one, share=0.2, salt="spring")}
    other = {one for one in ids if in_holdout(one, share=0.1, salt="autumn")}
    assert len(other & set(held)) < 50


def test_a_holdouts_share_is_within_chance_in_every_segment() -> None:
    """10% of each segment's members, within four standard deviations, and written plus held out is all."""
    snapshot = snapshot_of(20_000)

    for code in (*SEGMENTS, "extra"):
        audience = select_audience(snapshot, code, holdout=0.1, salt="spring")
        members = len(audience.rows) + len(audience.holdout_ids)
        places = zip(snapshot.column("path"), snapshot.column("also"), strict=True)
        assert members == sum(code in (*path, *more) for path, more in places)
        assert abs(len(audience.holdout_ids) - 0.1 * members) <= 4 * math.sqrt(0.09 * members)
        assert not set(audience.holdout_ids) & set(audience.rows.column("customer_id").to_pylist())


@pytest.mark.parametrize(
    ("form", "start", "header"),
    [
        ("csv", b"customer_id,email", ["customer_id", "email", "segment", "since", "model_score"]),
        ("brevo", b"EXT_ID;EMAIL", ["EXT_ID", "EMAIL", "SEGMENT", "SEGMENT_SINCE", "MODEL_SCORE"]),
        ("mailchimp", b"CUSTOMER_ID,Email Address", ["CUSTOMER_ID", "Email Address", "Tags", "SINCE", "MODEL_SCORE"]),
        ("excel-fr", b"\xef\xbb\xbfcustomer_id;email", ["customer_id", "email", "segment", "since", "model_score"]),
    ],
)
def test_each_form_is_what_its_tool_reads(tmp_path: Path, form: str, start: bytes, header: list[str]) -> None:
    """Names, separators, marks and numbers of the tool; every cell back as it was, formulas made harmless."""
    contacts = Contacts({f"c{row}": f"{row}@x" for row in range(50)}, {f"c{row}": True for row in range(50)})
    rows = select_audience(snapshot_of(50), "extra", contacts=contacts).rows

    write_audience(rows, tmp_path / "out.csv", form)

    content = (tmp_path / "out.csv").read_bytes()
    assert content.startswith(start)
    text = content.decode("utf-8-sig")
    read = list(csv.reader(text.splitlines(), delimiter=";" if form in ("brevo", "excel-fr") else ","))
    assert read[0][:5] == header
    assert [row[1] for row in read[1:]] == rows.column("email").to_pylist()
    assert {row[4] for row in read[1:]} == {"12,5" if form == "excel-fr" else "12.5"}
    assert {row[3] for row in read[1:]} == {"01/03/2026" if form == "excel-fr" else "2026-03-01"}
    assert {row[6] for row in read[1:]} == {"'=HYPERLINK(1)", "'@risk", "Last order; 3 days", "'-5 or so", "plain"}


def test_formulas_hide_nowhere(tmp_path: Path) -> None:
    """Ids and addresses are cells too; numbers below zero are no formulas."""
    evil = ["=1", "+1", "-1", "@x", "\t=1", "  =1", "＝1", "fine"]
    table = pa.table({"customer_id": evil, "amount": [-1.5] * len(evil)})

    write_audience(table, tmp_path / "out.csv", "csv")

    with (tmp_path / "out.csv").open(newline="") as file:
        read = list(csv.reader(file))[1:]
    assert [row[0] for row in read] == [*(f"'{text}" for text in evil[:-1]), "fine"]
    assert {row[1] for row in read} == {"-1.5"}


def test_without_contacts_an_audience_is_ids_alone() -> None:
    """Whoever asks: nobody's consent is known, so nothing to address anybody by, and no score, comes along."""
    assert select_audience(snapshot_of(50), "a").rows.column_names == ["customer_id"]


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """A snapshot on disk."""
    pq.write_table(snapshot_of(500).rows, tmp_path / "s.parquet")
    return tmp_path / "s.parquet"


def test_an_export_counts_and_records_whom_it_held_out(
    frozen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document on stdout; the side file names share, salt and members, and a second run writes the same bytes."""
    out = tmp_path / "out.csv"
    words = ["export", "--home", str(tmp_path / "home"), "--internal", "--snapshot", str(frozen), "--segment", "b",
             "--output", str(out), "--holdout", "0.1", "--salt", "spring", "--json"]  # fmt: skip
    assert main(words) == 0
    first = out.read_bytes(), (tmp_path / "out.csv.holdout.json").read_bytes()
    said = json.loads(capsys.readouterr().out)

    assert main(words) == 0

    assert (out.read_bytes(), (tmp_path / "out.csv.holdout.json").read_bytes()) == first
    record = json.loads(first[1])
    members = [f"c{row}" for row in range(1, 500, 5)]
    assert record["customer_ids"] == [one for one in members if in_holdout(one, share=0.1, salt="spring")]
    assert said["left_out"] == {"holdout": len(record["customer_ids"])}
    assert said["written"] + len(record["customer_ids"]) == said["members"] == 100
    assert (record["share"], record["salt"], record["as_of"]) == (0.1, "spring", "2026-03-01")


@pytest.fixture
def agreed(tmp_path: Path) -> list[str]:
    """Contacts of all five hundred, of whom every tenth did not agree, and the options that name them."""
    lines = [f"c{row},{row}@x,{'no' if row % 10 == 0 else 'yes'}" for row in range(500)]
    (tmp_path / "contacts.csv").write_text("\n".join(["customer_id,mail,ok", *lines]))
    return ["--contacts", str(tmp_path / "contacts.csv"), "--email", "mail", "--consent", "ok"]


@pytest.fixture
def export(frozen: Path, tmp_path: Path) -> Callable[..., int]:
    """Runs the command on the snapshot, with a home of its own."""

    def run(output: str, *options: str, segment: str = "a") -> int:
        words = ["export", "--home", str(tmp_path / "home"), "--snapshot", str(frozen), "--segment", segment]
        return main([*words, "--output", str(tmp_path / output), *options])

    return run


def exported(tmp_path: Path) -> list[dict[str, Any]]:
    """The lines of the home's log of exports."""
    return [json.loads(line) for line in (tmp_path / "home/segments/exports.jsonl").read_text().splitlines()]


def test_without_contacts_nothing_leaves(
    export: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 with the rule and what to do; no file, no line in the log."""
    assert export("o.csv") == 2

    message = capsys.readouterr().err
    assert "An export needs --contacts" in message
    assert "--internal writes ids only" in message
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]


@pytest.mark.parametrize("format_", ["csv", "excel-fr", "parquet"])
def test_an_internal_export_is_ids_alone_marked_and_logged(
    export: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    """In the document, beside the file, and in the home; Parquet says it itself. An export with consent unmarks it."""
    assert export("o", "--internal", "--json", "--format", format_) == 0

    said = json.loads(capsys.readouterr().out)
    mark = json.loads((tmp_path / "o.internal.json").read_text())
    [line] = exported(tmp_path)
    assert (said["internal"], mark["internal"], line["internal"]) == (True, True, True)
    assert line["written"] == mark["written"] == said["written"] == 100
    assert "channel" not in line
    assert "c5" not in (tmp_path / "o.internal.json").read_text() + json.dumps(line)
    if format_ == "parquet":
        schema = pq.read_schema(tmp_path / "o")
        assert schema.metadata is not None
        assert schema.metadata[b"penchant_internal"] == b"true"
        assert schema.names == ["customer_id"]
    else:
        assert (tmp_path / "o").read_text("utf-8-sig").split()[:2] == ["customer_id", "c0"]


def test_an_export_with_consent_takes_the_mark_away(
    export: Callable[..., int], agreed: list[str], tmp_path: Path
) -> None:
    """The list that stands there then may be addressed; both are in the log."""
    assert export("o.csv", "--internal") == 0
    assert export("o.csv", *agreed) == 0

    assert not (tmp_path / "o.csv.internal.json").exists()
    assert [(line["internal"], line.get("channel"), line.get("purpose")) for line in exported(tmp_path)] == [
        (True, None, None),
        (False, "email", "marketing"),
    ]


def test_a_line_of_the_log_that_was_cut_off_spoils_no_other(export: Callable[..., int], tmp_path: Path) -> None:
    """A kill in the midst of one."""
    assert export("o.csv", "--internal") == 0
    log = tmp_path / "home/segments/exports.jsonl"
    log.write_bytes(log.read_bytes()[:-9])
    assert export("o.csv", "--internal") == 0

    assert json.loads(log.read_text().splitlines()[1])["written"] == 100
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_table_of_consent_says_who_may_be_addressed_and_why_others_not(
    export: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By channel and purpose; each who is left out is counted once, by the first reason."""
    header = "customer_id,channel,purpose,granted_at,withdrawn_at,source,text_version"
    grants = [
        "c0,email,marketing,2024-01-01,,shop,1",
        "c5,email,marketing,2024-01-01,2025-01-01,shop,1",
        "c10,email,marketing,2999-01-01,,shop,1",
        "c15,sms,marketing,2024-01-01,,shop,1",
        "c20,email,marketing,2024-01-01,,shop,1",
        "c25,email,marketing,2024-01-01,,shop,1",
        "c30,email,marketing,2024-01-01,,shop,1",
    ]
    (tmp_path / "consent.csv").write_text("\n".join([header, *grants]))
    lines = [f"c{row},{'' if row == 20 else f'{row}@x'},+33{row}" for row in range(0, 45, 5)]
    (tmp_path / "contacts.csv").write_text("\n".join(["customer_id,mail,phone", *lines]))
    (tmp_path / "objectors.csv").write_text("customer_id\nc25\n")
    files = ["--contacts", str(tmp_path / "contacts.csv"), "--consent-table", str(tmp_path / "consent.csv")]

    assert export("o.csv", *files, "--email", "mail", "--suppress", str(tmp_path / "objectors.csv"), "--json") == 0
    by_mail = json.loads(capsys.readouterr().out)
    assert export("s.parquet", *files, "--email", "phone", "--channel", "SMS", "--format", "parquet", "--json") == 0
    by_phone = json.loads(capsys.readouterr().out)

    with (tmp_path / "o.csv").open(newline="") as file:
        assert [row["customer_id"] for row in csv.DictReader(file)] == ["c0", "c30"]
    assert by_mail["left_out"] == {
        "withdrawn": 1, "no_consent": 4, "no_email": 1, "suppressed": 1, "no_contact": 91,
    }  # fmt: skip
    assert sum(by_mail["left_out"].values()) + by_mail["written"] == by_mail["members"] == 100
    assert (by_mail["channel"], by_phone["channel"], by_phone["purpose"]) == ("email", "sms", "marketing")
    assert pq.read_table(tmp_path / "s.parquet").select(["customer_id", "address"]).to_pylist() == [
        {"customer_id": "c15", "address": "+3315"}
    ]


def test_a_telephone_that_objected_is_not_called(tmp_path: Path) -> None:
    """Numbers with a plus sign are texts in the list of objections too."""
    (tmp_path / "s.csv").write_text("phone\n+331\n")
    contacts = Contacts({"c0": "+331", "c5": "+332"}, {"c0": True, "c5": True}, channel="sms")

    barred = read_suppressed(tmp_path / "s.csv", email="phone", contacts=contacts)

    assert select_audience(snapshot_of(10), "a", contacts=contacts, suppressed=barred).left_out == {"suppressed": 1}


def test_a_broken_table_of_consent_stops_the_export(
    export: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3; nobody is addressed, and nothing is logged."""
    (tmp_path / "consent.csv").write_text(
        "customer_id,channel,purpose,granted_at,withdrawn_at,source,text_version\nc0,email,marketing,soon,,shop,1\n"
    )
    (tmp_path / "contacts.csv").write_text("customer_id,mail\nc0,a@x\n")

    code = export("o.csv", "--contacts", str(tmp_path / "contacts.csv"), "--email", "mail",
                  "--consent-table", str(tmp_path / "consent.csv"))  # fmt: skip

    assert code == 3
    assert "got another in row 1" in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()
    assert not (tmp_path / "home").exists()


def test_what_parquet_holds_is_typed(export: Callable[..., int], agreed: list[str], tmp_path: Path) -> None:
    """Dates and numbers stay dates and numbers, texts as they are."""
    assert export("o.parquet", *agreed, "--format", "parquet") == 0

    rows = pq.read_table(tmp_path / "o.parquet")
    assert rows.schema.field("since").type == pa.date32()
    assert rows.column("model_reason_1_text")[0].as_py() == "=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--holdout", "0.1"], "needs a --salt"),
        (["--holdout", "1.5", "--salt", "x"], "share in"),
        (["--format", "brevo"], "needs --contacts"),
        (["--contacts", "x.csv", "--email", "mail"], "needs --email and --consent"),
        (["--contacts", "x", "--email", "m", "--consent", "c", "--consent-table", "t"], "needs --email and --consent"),
        (["--contacts", "x", "--email", "m", "--consent", "c", "--channel", "sms"], "needs a --consent-table"),
        (["--contacts", "x", "--email", "m", "--consent", "c", "--purpose", "study"], "needs a --consent-table"),
        (["--internal", "--contacts", "x.csv", "--channel", "sms"], "got --contacts, --channel"),
        (["--internal", "--format", "mailchimp"], "needs --contacts"),
        (
            ["--contacts", "x", "--email", "m", "--consent-table", "t", "--channel", "sms", "--format", "brevo"],
            "is of the channel email",
        ),
        (["--internal", "--segment", "nobody"], "must be of the snapshot"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(
    frozen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    """Exit 2, nothing written."""
    code = main(["export", "--snapshot", str(frozen), "--segment", "a", "--output", str(tmp_path / "o.csv"), *options])

    assert code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()


def test_an_audience_with_a_holdout_is_a_campaign_and_a_contact(
    export: Callable[..., int], agreed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its salt draws no other list; whoever was on it is left out of the next one where a limit says so."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/run.toml").write_text('[pressure]\nmax = "1 per 7d"\n')
    held_out = ["--holdout", "0.2", "--salt", "spring", "--window", "30d", "--json"]

    assert export("a.csv", *agreed, *held_out) == 0
    first = json.loads(capsys.readouterr().out)
    assert export("b.csv", *agreed, *held_out, segment="b") == 2
    refused = capsys.readouterr().err
    assert export("extra.csv", *agreed, "--json", segment="extra") == 0
    second = json.loads(capsys.readouterr().out)
    assert export("ids.csv", "--internal", "--json", segment="extra") == 0

    campaign = campaign_named(tmp_path / "home", first["campaign"])
    assert (campaign.arms["treated"].n, campaign.list.segment, campaign.window) == (first["written"], "a", "30d")
    assert "A salt must be new" in refused
    both = [row for row in range(0, 500, 15) if row % 10]  # of segments a and extra, who agreed
    on_first = [row for row in both if not in_holdout(f"c{row}", share=0.2, salt="spring")]
    assert second["left_out"]["pressure"] == len(on_first)
    assert second["written"] + sum(second["left_out"].values()) == second["members"]
    assert json.loads(capsys.readouterr().out)["left_out"] == {}
    assert exported(tmp_path)[0]["campaign"] == campaign.id
