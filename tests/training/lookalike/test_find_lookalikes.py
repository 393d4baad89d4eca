"""Look-alikes of a day: those most like the seed who may be on a list, each with reasons that add up."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa
import pytest

from scoring.audiences.addressable import name_contacts
from scoring.audiences.audience import in_holdout
from scoring.audiences.campaign import campaigns_of
from scoring.audiences.contacts import ContactsFile
from scoring.audiences.pressure.contact_history import FILE
from scoring.population.customer_pages import StaleDayError
from scoring.population.days import PopulationError
from scoring.privacy import suppression
from tests.support.days import ABSENT
from tests.training.lookalike.conftest import frequent
from training.lookalike.day_customers import day_customers
from training.lookalike.find_lookalikes import FoundLookalikes, find_lookalikes
from training.lookalike.learned_seed import LEAST, SeedError
from training.lookalike.lookalike_document import LookalikeRequest
from training.lookalike.seed_file import SeedFile

HOLDOUT, SALT = 0.25, "spring"


def found(home: Path, ids: list[str], *, use_case: str | None = "propensity", **asked: object) -> FoundLookalikes:
    """The list of a seed."""
    request = msgspec.convert({"size": 50, **asked}, LookalikeRequest)
    seed = SeedFile(tuple(dict.fromkeys(ids)), len(ids), 0)
    return find_lookalikes(home, day_customers(home, use_case).table, seed, request)


@pytest.fixture(scope="module")
def usual(shop_day: Path, tmp_path_factory: pytest.TempPathFactory) -> FoundLookalikes:
    """Everybody like those who buy oftenest, the most alike first."""
    return found(shutil.copytree(shop_day, tmp_path_factory.mktemp("usual") / "home"), frequent(), size=300)


def listed(result: FoundLookalikes) -> list[str]:
    """Who is on it, in order."""
    return [one.customer_id for one in result.document.customers]


def test_the_list_is_of_those_who_are_like_the_seed_and_not_in_it(usual: FoundLookalikes) -> None:
    """Those who buy as often as the most frequent, without whom they are like; members kept aside are found."""
    seed, others, document = frequent(40), set(frequent(90)) - set(frequent(40)), usual.document

    assert not set(seed) & set(listed(usual))
    assert sum(one in others for one in listed(usual)[:30]) >= 24
    assert document.evidence.roc_auc > 0.9
    assert document.evidence.lift_at_10 > 4
    assert document.evidence.better_than_chance
    assert document.left_out["seed"] == 40
    assert document.members == document.written + sum(document.left_out.values()) == 300


def test_reasons_add_up_and_are_worded_in_both_languages(home: Path, usual: FoundLookalikes) -> None:
    """Base value and contributions give the log-odds, to 1e-9; the strongest reason speaks of purchases."""
    english, french = usual.document, found(home, frequent(), language="fr").document

    for one in english.customers:
        assert math.isclose(one.base_value + sum(one.contributions.values()), one.log_odds, abs_tol=1e-9)
        sums = [reason["contribution"] for reason in one.reasons]
        assert sums == sorted(sums, key=abs, reverse=True) or any(reason["value"] is None for reason in one.reasons)
    assert "purchases in the last 90 days" in english.customers[0].reasons[0]["text"]
    assert "achats sur les 90 derniers jours" in french.customers[0].reasons[0]["text"]
    assert [one.score for one in english.customers[:50]] == [one.score for one in french.customers]


def test_the_same_seed_of_chance_gives_the_same_list(home: Path, usual: FoundLookalikes) -> None:
    """To the bit, however the seed file is ordered; the digests are of the key of the home."""
    again = found(home, frequent()[::-1], size=300)

    assert msgspec.json.encode(again.document.customers) == msgspec.json.encode(usual.document.customers)
    assert again.document.evidence == usual.document.evidence
    assert again.rows.equals(usual.rows)


def test_a_seed_that_is_like_nobody_is_said_to_be(home: Path) -> None:
    """Every seventh customer: the interval of the ROC-AUC holds one half."""
    evidence = found(home, [f"c{row}" for row in range(1, 300, 7)]).document.evidence

    assert evidence.intervals.roc_auc[0] < 0.5 < evidence.intervals.roc_auc[1]
    assert not evidence.better_than_chance


def test_who_objected_is_not_learned_from_nor_listed(home: Path, usual: FoundLookalikes) -> None:
    """Of the seed and of the rest, from then on; counted, and never known by an id."""
    seed, expected = frequent(), listed(usual)
    suppression.add(home, [seed[0], expected[0]])
    suppression.mark_erased(home, [expected[1]], at=4e9)

    document = found(home, seed).document

    assert not {seed[0], *expected[:2]} & {one.customer_id for one in document.customers}
    assert (document.seed.objected, document.seed.unknown, document.seed.used) == (1, 0, 39)
    assert document.left_out["suppressed"] == 3


def test_consent_is_asked_and_the_holdout_is_kept_as_a_campaign(home: Path, usual: FoundLookalikes) -> None:
    """Whoever did not agree is counted; the hold-out is among those asked for, and in nobody's file."""
    may = [one for one in listed(usual) if int(one[1:]) % 3]
    rows = {"customer_id": [f"c{row}" for row in range(300)], "agreed": [bool(row % 3) for row in range(300)]}
    contacts = pl.DataFrame(rows).with_columns(email=pl.col("customer_id") + "@shop.example")
    contacts.write_parquet(home / "contacts.parquet")
    name_contacts(home, ContactsFile(home / "contacts.parquet", "email", "agreed"))

    result = found(home, frequent(), size=40, holdout=HOLDOUT, salt=SALT)
    document, (campaign,) = result.document, campaigns_of(home)

    apart = [one for one in may[:40] if in_holdout(one, share=HOLDOUT, salt=SALT)]
    assert listed(result) == [one for one in may[:40] if one not in apart]
    assert document.holdout_ids == apart
    assert document.left_out["holdout"] == len(apart) > 3
    assert document.left_out["no_consent"] > 10
    assert (document.internal, document.channel) == (False, "email")
    assert campaign.id == document.campaign
    assert campaign.arms["treated"].n == document.written
    assert campaign.list.lookalike == document.seed.digest
    assert result.rows.column("email").to_pylist() == [f"{one}@shop.example" for one in listed(result)]


def test_what_leaves_is_logged_before_and_names_nobody(home: Path) -> None:
    """One line, with counts; a list of a home without contacts is marked as internal."""
    result = found(home, frequent(), size=20)

    [line] = (home / "segments" / "exports.jsonl").read_text().splitlines()
    logged = json.loads(line)
    assert (logged["lookalike"], logged["written"], logged["internal"]) == (20, 20, True)
    assert not any(one in line for one in (*frequent(), *listed(result)) if len(one) > 2)
    assert result.rows.schema.metadata == {b"penchant_internal": b"true"}
    assert result.rows.schema.field("reason_1_text").type == pa.string()


@pytest.mark.parametrize(("use_case", "customers"), [("churn", 300 - len(ABSENT)), ("propensity", 300), (None, 300)])
def test_the_population_is_that_of_the_use_case_or_of_the_day(home: Path, use_case: str | None, customers: int) -> None:
    """A use case that is not about all leaves the others out; all together have each feature once."""
    table = day_customers(home, use_case).table

    assert len(table.customers) == customers
    assert list(table.customers) == sorted(table.customers)
    assert len({one.name for one in table.features}) == len(table.features) == table.matrix.shape[1]


def test_a_small_seed_is_refused_in_a_sentence_that_names_nobody(home: Path) -> None:
    """The rule, then what arrived: how many, how many of them unknown."""
    ids = [*frequent(LEAST - 1), "stranger-1", "stranger-2"]

    with pytest.raises(SeedError, match=r"at least 30 .* got 29 of 31 different ids, 2 unknown") as refused:
        found(home, ids)

    assert "stranger" not in str(refused.value)
    assert not (home / "segments" / "exports.jsonl").exists()


def test_a_seed_of_nearly_everybody_leaves_nothing_to_compare(home: Path) -> None:
    """The rest needs as many."""
    with pytest.raises(SeedError, match="at least 30 other customers to compare it with, got 20"):
        found(home, [f"c{row}" for row in range(280)])


def test_a_home_without_a_day_says_what_to_do(tmp_path: Path) -> None:
    """And a use case that the day does not know is another."""
    with pytest.raises(PopulationError, match="penchant run"):
        day_customers(tmp_path)


def test_a_day_too_old_for_a_list_addresses_nobody(home: Path) -> None:
    """Who is like the seed can be looked at, without an address and without a contact noted; to hold out is refused."""
    (home / "run.toml").write_text('[deliver]\nmax_age = "36h"\n')
    rows = {"customer_id": [f"c{row}" for row in range(300)], "agreed": [True] * 300}
    pl.DataFrame(rows).with_columns(email=pl.col("customer_id") + "@shop.example").write_parquet(home / "c.parquet")
    name_contacts(home, ContactsFile(home / "c.parquet", "email", "agreed"))

    result = found(home, frequent())

    assert (result.document.stale, result.document.internal) == (True, True)
    assert "email" not in result.rows.column_names
    assert not (home / FILE).exists()
    with pytest.raises(StaleDayError):
        day_customers(home, fresh=True)
