"""Files of members: presets, hashes as advertising asks for them, and that a file holds the audience as it is."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from activation.deliveries import deliver
from activation.deliveries.delivery_plan import DeliveryRefusedError
from activation.destinations.file_forms import e164
from activation.destinations.kinds import open_delivery
from features.errors import UseCaseError
from tests.support.deliveries import address, hot, world
from tests.support.sftp_server import PASSWORD, sftp_server


def rows(path: Path, *, delimiter: str = ",", encoding: str = "utf-8") -> list[dict[str, str]]:
    """A file of members."""
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def test_a_file_always_holds_the_audience_as_it_is(tmp_path: Path) -> None:
    """Whoever takes consent back is not in the next one; a file changed by hand is written anew, else none is."""
    made = world(tmp_path)
    file = made.file('kind = "file"\nurl = "out"')

    deliver.sync(made.delivery(file))
    first = {one["email"] for one in rows(tmp_path / "out/dest.csv")}
    made.unwilling = {"c3"}
    made.write()
    deliver.sync(made.delivery(file))
    second = {one["email"] for one in rows(tmp_path / "out/dest.csv")}
    (tmp_path / "out/dest.csv").write_text("email\nsomebody@else.org\n")
    third = deliver.sync(made.delivery(file))
    fourth = deliver.sync(made.delivery(file))

    assert (first, second) == (hot(made), hot(made, but={"c3"}))
    assert {one["email"] for one in rows(tmp_path / "out/dest.csv")} == second
    assert (third.calls, fourth.calls) == (1, 0)


@pytest.mark.parametrize(
    ("preset", "delimiter", "encoding", "column"),
    [
        ("excel-fr", ";", "utf-8-sig", "email"),
        ("salesforce", ",", "utf-8", "Email"),
        ("marketo", ",", "utf-8", "Email Address"),
        ("activecampaign", ",", "utf-8", "Email"),
    ],
)
def test_a_preset_names_columns_as_its_tool_does(
    tmp_path: Path, preset: str, delimiter: str, encoding: str, column: str
) -> None:
    """With numbers as a French Excel reads them."""
    made = world(tmp_path, 3)
    deliver.sync(made.delivery(made.file(f'kind = "file"\nurl = "out"\npreset = "{preset}"')))

    found = rows(tmp_path / "out/dest.csv", delimiter=delimiter, encoding=encoding)

    assert {one[column] for one in found} == hot(made)
    assert found[0]["score"] == ("50,0" if preset == "excel-fr" else "50.0")


@pytest.mark.parametrize("preset", ["meta", "linkedin", "tiktok", "google"])
def test_a_list_for_advertising_holds_hashes_of_who_agreed_to_that(tmp_path: Path, preset: str) -> None:
    """Addresses trimmed and lower-cased, numbers in E.164 by consent of their own; nothing else."""
    made = world(tmp_path, 4)
    made.purpose = f"ads:{preset}"
    made.write_consent(
        {("email", made.purpose): ["c0", "c1"], ("phone", made.purpose): ["c0"], ("email", "marketing"): made.people}
    )
    text = f'kind = "file"\nurl = "out"\npreset = "{preset}"\n[limits]\nsmallest = 0'
    deliver.sync(made.delivery(made.file(text, consent='phone = "mobile"')))

    content = (tmp_path / "out/dest.csv").read_text()
    number = f"{'' if preset == 'meta' else '+'}33600000000"
    wanted = [hashlib.sha256(one.encode()).hexdigest() for one in (address("c0"), address("c1"), number)]

    assert all(content.count(one) == 1 for one in wanted)
    assert len(content.splitlines()) == 3
    assert "@" not in content
    assert "c0" not in content.replace(wanted[0], "").replace(wanted[1], "").replace(wanted[2], "").split(",")


def test_an_audience_that_is_too_small_is_not_uploaded(tmp_path: Path) -> None:
    """It would single customers out."""
    made = world(tmp_path, 30)
    made.purpose = "ads:meta"
    made.write()

    with pytest.raises(DeliveryRefusedError, match="at least 100"):
        deliver.sync(made.delivery(made.file('kind = "file"\nurl = "out"\npreset = "meta"')))

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "consent", "rule"),
    [
        ('kind = "file"\nurl = "out"\npreset = "google"', "", "ads:NAME"),
        ('kind = "webhook"\nurl = "http://a/"', "", "key_env"),
        ('kind = "webhook"\nkey_env = "DEST_KEY"\nurl = "http://u:p@a/"', "", "no password"),
        ('kind = "brevo"\nkey_env = "DEST_KEY"', "", "number"),
        ('kind = "mailchimp"\nkey_env = "NOT_SET"', "", "NOT_SET"),
        ('kind = "file"\nurl = "out"\nkey = "s"', "", "unknown key"),
        ('kind = "file"\nurl = "out"', 'channel = "phone"', "phone"),
    ],
)
def test_what_would_leave_without_consent_or_with_a_secret_is_refused(
    tmp_path: Path, text: str, consent: str, rule: str
) -> None:
    """By a rule, before anything is read."""
    made = world(tmp_path, 3)

    with pytest.raises(UseCaseError, match=rule):
        made.delivery(made.file(text, consent=consent))


def test_mail_consent_never_stands_in_for_another_purpose(tmp_path: Path) -> None:
    """Nor does that of another channel."""
    made = world(tmp_path, 4)
    made.purpose = "ads:tiktok"
    made.write_consent({("email", "marketing"): made.people, ("phone", "ads:tiktok"): made.people})

    planned = deliver.plan(made.delivery(made.file('kind = "file"\nurl = "out"\npreset = "tiktok"')))

    assert (planned.adds, planned.left_out["no_consent"]) == (0, 4)


@pytest.mark.parametrize("number", ["+33 6 12 34 56 78", "0033612345678", "06.12.34.56.78", "(06) 12-34-56-78"])
def test_a_number_is_hashed_as_one_whatever_its_spelling(number: str) -> None:
    """As E.164 spells it."""
    assert e164(number, "33") == "+33612345678"


def test_a_file_by_sftp_appears_whole_at_a_server_that_is_known(tmp_path: Path) -> None:
    """By the password of a variable; a server with another key is sent nothing."""
    (there := tmp_path / "there").mkdir()
    made = world(tmp_path)
    with sftp_server(there, tmp_path / "known") as url:
        text = f'kind = "file"\nkey_env = "SFTP_KEY"\nurl = "{url}"\nknown_hosts = "known"'
        file = made.file(text)
        first = deliver.sync(open_delivery(made.home, file, environment={"SFTP_KEY": PASSWORD}))
        again = deliver.sync(open_delivery(made.home, file, environment={"SFTP_KEY": PASSWORD}))
        with sftp_server(there, tmp_path / "other"):
            (tmp_path / "known").write_text((tmp_path / "other").read_text())
        made.unwilling = {"c1"}
        made.write()
        refused = deliver.sync(open_delivery(made.home, file, environment={"SFTP_KEY": PASSWORD}))

    assert (first.acknowledged, again.calls) == (12, 0)
    assert {one["email"] for one in rows(there / "dest.csv")} == hot(made)
    assert list(there.iterdir()) == [there / "dest.csv"]
    assert refused.status == "stopped"


def test_an_address_may_be_of_the_file_itself(tmp_path: Path) -> None:
    """Where it ends in .csv."""
    made = world(tmp_path, 3)

    deliver.sync(made.delivery(made.file('kind = "file"\nurl = "out/list.csv"')))

    assert {one["email"] for one in rows(tmp_path / "out/list.csv")} == hot(made)
