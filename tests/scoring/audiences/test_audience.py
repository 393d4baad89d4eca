from __future__ import annotations

import csv
import hashlib
import json
import math
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.audiences.audience import Contacts, in_holdout, read_contacts, read_suppressed, select_audience
from scoring.audiences.export_formats import write_audience
from scoring.audiences.snapshot import AudienceError, SegmentSnapshot
from scoring.cli.main import main

SEGMENTS = ("a", "b", "c", "d", "e")
PINNED = ["c2", "c9", "c14", "c34", "c63"]  # held out by 0.1 and "spring", of c0, c1, ...


def snapshot_of(count, *, name="model"):
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
    listed = [{"code": code, "labels": {}, "level": 1, "exclusive": code != "extra"} for code in (*SEGMENTS, "extra")]
    facts = {"policy": "p", "models": {name: "1"}, "as_of": "2026-03-01", "segments": listed}
    return SegmentSnapshot(facts, pa.table(rows).replace_schema_metadata({b"penchant": json.dumps(facts).encode()}))


def test_nobody_is_addressed_who_must_not_be_and_each_is_counted_once(tmp_path):
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


def test_an_objection_holds_for_the_address_too(tmp_path):
    """Who objected is not written to through a second account with their address, or by another spelling of it."""
    contacts = Contacts({"c0": "ada@x", "c5": "ADA@x"}, {"c0": True, "c5": True})
    (tmp_path / "s.csv").write_text("customer_id\nc0\n")
    barred = read_suppressed(tmp_path / "s.csv", email="email", contacts=contacts)

    audience = select_audience(snapshot_of(10), "a", contacts=contacts, suppressed=barred)

    assert audience.left_out == {"suppressed": 2}


@pytest.mark.parametrize("header", ["telephone", "email"])
def test_a_suppression_that_cannot_be_applied_stops_the_export(tmp_path, header):
    """A file of addresses needs contacts to compare with; one of neither ids nor addresses is none."""
    (tmp_path / "s.csv").write_text(f"{header}\nx@y\n")

    with pytest.raises(AudienceError, match="must hold customer_id"):
        read_suppressed(tmp_path / "s.csv", email=None, contacts=None)


def test_a_holdout_has_the_same_members_on_every_run_and_machine():
    """The first eight bytes of sha256(salt, 0, id) against the share; a larger share only adds members."""
    ids = [f"c{number}" for number in range(2000)]
    held = [one for one in ids if in_holdout(one, share=0.1, salt="spring")]

    digests = {one: hashlib.sha256(b"spring\x00" + one.encode()).hexdigest() for one in ids}
    assert held == [one for one in ids if int(digests[one][:16], 16) / 16**16 < 0.1]
    assert held[:5] == PINNED
    assert set(held) <= {one for one in ids if in_holdout(one, share=0.2, salt="spring")}
    other = {one for one in ids if in_holdout(one, share=0.1, salt="autumn")}
    assert len(other & set(held)) < 50


def test_a_holdouts_share_is_within_chance_in_every_segment():
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
def test_each_form_is_what_its_tool_reads(tmp_path, form, start, header):
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


def test_formulas_hide_nowhere(tmp_path):
    """Ids and addresses are cells too; numbers below zero are no formulas."""
    evil = ["=1", "+1", "-1", "@x", "\t=1", "  =1", "＝1", "fine"]
    table = pa.table({"customer_id": evil, "amount": [-1.5] * len(evil)})

    write_audience(table, tmp_path / "out.csv", "csv")

    with (tmp_path / "out.csv").open(newline="") as file:
        read = list(csv.reader(file))[1:]
    assert [row[0] for row in read] == [*(f"'{text}" for text in evil[:-1]), "fine"]
    assert {row[1] for row in read} == {"-1.5"}


@pytest.fixture
def frozen(tmp_path):
    """A snapshot on disk."""
    pq.write_table(snapshot_of(500).rows, tmp_path / "s.parquet")
    return tmp_path / "s.parquet"


def test_an_export_counts_and_records_whom_it_held_out(frozen, tmp_path, capsys):
    """One document on stdout; the side file names share, salt and members, and a second run writes the same bytes."""
    out = tmp_path / "out.csv"
    words = ["export", "--snapshot", str(frozen), "--segment", "b", "--output", str(out),
             "--holdout", "0.1", "--salt", "spring", "--json"]  # fmt: skip
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


def test_what_parquet_holds_is_typed(frozen, tmp_path):
    """Dates and numbers stay dates and numbers, texts as they are."""
    assert main(["export", "--snapshot", str(frozen), "--segment", "a", "--output", str(tmp_path / "o.parquet"),
                 "--format", "parquet"]) == 0  # fmt: skip

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
        (["--segment", "nobody"], "must be of the snapshot"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(frozen, tmp_path, capsys, options, said):
    """Exit 2, nothing written."""
    code = main(["export", "--snapshot", str(frozen), "--segment", "a", "--output", str(tmp_path / "o.csv"), *options])

    assert code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "o.csv").exists()
