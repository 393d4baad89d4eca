"""Campaigns: what is known of a list that left with a hold-out, kept so that its effect can be measured later.

`HOME/campaigns/ID/campaign.json` has the list, by digest, and the plan; `arms.parquet` beside it says who was of which
arm by keyed hash of the id, so that it names nobody and outlives a change of contacts, consent and days.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import UNSET, UnsetType

from features.spec.atomic import locked_file, new_draft, put_in_place
from features.spec.suppression_list import keyed
from scoring.privacy.suppression import own_key

CAMPAIGNS, CAMPAIGN, ARMS = "campaigns", "campaign.json", "arms.parquet"
_LOCK = ".lock"
WITHOUT = b"penchant_without_erased"  # in the metadata of arms that lost somebody: their digests since


class SaltReusedError(ValueError):
    """A salt has drawn another hold-out before."""


class CampaignError(ValueError):
    """A campaign of the home is not what was written."""


class UnknownCampaignError(ValueError):
    """The home has no campaign of that id."""


class CampaignVersions(msgspec.Struct, frozen=True):
    """What scored the list's day, and what named its segments."""

    models: dict[str, str]  # by use case
    policy: str


class CampaignList(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a list was made of; both arms together are its `digest`."""

    use_case: str
    snapshot: str  # the moment of the day
    digest: str = ""  # sha256 of the keyed hashes of both arms
    segment: str | None = None
    cluster: str | UnsetType = UNSET  # a learned cluster, as `habits.group_2`, where it is of one
    threshold: float | None = None
    top: int | None = None
    lookalike: str | UnsetType = UNSET  # the digest of a seed, where it is of those most like it


class ThresholdPlan(msgspec.Struct, frozen=True):
    """Cuts of one score, of which each customer is drawn one: contacted is who stands at or above it."""

    cuts: tuple[float, ...]  # probabilities, rising
    in_force: float  # one of them
    least: float | None = None  # of value a customer, for which the cut would be moved
    drawn: tuple[int, ...] = ()  # customers by cut


class ThresholdCell(msgspec.Struct, frozen=True):
    """Where a customer stands among cuts."""

    cut: int  # the position of the one drawn
    zone: int  # how many cuts the customer's probability reaches


class CampaignPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is stated of a list before it leaves."""

    salt: str  # which share is the hold-out
    holdout: float
    list: CampaignList
    versions: CampaignVersions
    window: str | None = None  # in which answers count, as 90d
    metric: str | None = None  # which event an answer is
    planned_look: date | None = None  # when the effect is looked at
    thresholds: ThresholdPlan | None = None  # where the arms are cuts of one score


class CampaignArm(msgspec.Struct, frozen=True):
    """How many, and the sha256 of their keyed hashes in rising order."""

    n: int
    digest: str


class Campaign(CampaignPlan, frozen=True, kw_only=True):
    """A campaign as it is kept."""

    id: str
    made: datetime  # UTC
    arms: dict[str, CampaignArm]  # of those on the list, and of the hold-out


def record_campaign(
    home: Path,
    plan: CampaignPlan,
    *,
    treated: Sequence[str],
    holdout_ids: Sequence[str],
    cells: Mapping[str, ThresholdCell] | None = None,
) -> Campaign:
    """Keeps a campaign, on the disk before its list leaves; the same one again is the one that is kept.

    Args:
        home: Where campaigns are kept.
        plan: Its list's digest is made here.
        treated: The ids of those on the list.
        holdout_ids: The ids of those in the hold-out.
        cells: Where each stands among the plan's cuts, where it has some.

    Raises:
        SaltReusedError: The salt was used for another list, hold-out or plan.
        CampaignError: A campaign of the home cannot be read.
        SuppressionError: The home's key cannot be read.
    """
    key = own_key(home)
    hashes = {"treated": _hashes(key, treated), "held_out": _hashes(key, holdout_ids)}
    arms = {name: CampaignArm(len(found), _digest(found)) for name, found in hashes.items()}
    listed = msgspec.structs.replace(plan.list, digest=_digest(sorted([*hashes["treated"], *hashes["held_out"]])))
    plan = msgspec.structs.replace(plan, list=listed)
    stated = {**msgspec.structs.asdict(plan), "arms": arms}
    with one_writer(home):
        for known in campaigns_of(home):
            if known.salt == plan.salt:
                if {name: getattr(known, name) for name in stated} == stated:
                    return known
                raise SaltReusedError("A salt must be new for each list and plan, got one of an earlier campaign.")
        identity = hashlib.sha256(msgspec.json.encode(stated, order="deterministic")).hexdigest()[:12]
        made = datetime.now(UTC).replace(microsecond=0)
        campaign = Campaign(id=identity, made=made, **stated)
        places = {keyed(key, customer): cell for customer, cell in (cells or {}).items()}
        _write(home, campaign, hashes, places)
    return campaign


def campaigns_of(home: Path) -> list[Campaign]:
    """The campaigns of a home, by id.

    Raises:
        CampaignError: One of them cannot be read.
    """
    folder = home / CAMPAIGNS
    files = sorted(folder.glob(f"[0-9a-f]*/{CAMPAIGN}")) if folder.is_dir() else []
    return [_read(file) for file in files]


def campaign_named(home: Path, identity: str) -> Campaign:
    """The campaign of an id.

    Raises:
        UnknownCampaignError: There is none.
        CampaignError: It cannot be read.
    """
    file = home / CAMPAIGNS / identity / CAMPAIGN
    if not re.fullmatch("[0-9a-f]{12}", identity) or not file.is_file():
        raise UnknownCampaignError("A campaign must be one of `penchant campaign list`, got another id.")
    return _read(file)


def assigned(home: Path, campaign: Campaign) -> dict[bytes, str]:
    """The arm by keyed hash of the id, once the arms are known to be those that were drawn, less the erased.

    Raises:
        CampaignError: They are not.
    """
    rows = arm_rows(home, campaign)
    without = (rows.schema.metadata or {}).get(WITHOUT)
    try:
        found = dict(zip(rows.column("who").to_pylist(), rows.column("arm").to_pylist(), strict=True))
        digests = _ARM_DIGESTS(without) if without else {name: arm.digest for name, arm in campaign.arms.items()}
    except (KeyError, msgspec.DecodeError) as error:
        raise CampaignError(f"{ARMS} of {campaign.id} must be as it was written, got other columns.") from error
    if digests != arm_digests(campaign, found):
        raise CampaignError(f"{ARMS} of {campaign.id} must be as they were drawn, got other customers.")
    return found


def arm_rows(home: Path, campaign: Campaign) -> pa.Table:
    """Who was of which arm, as it is kept.

    Raises:
        CampaignError: It cannot be read.
    """
    try:
        return pq.read_table(home / CAMPAIGNS / campaign.id / ARMS)
    except (OSError, KeyError, pa.ArrowInvalid) as error:
        raise CampaignError(f"{ARMS} of {campaign.id} must be readable, got {type(error).__name__}.") from error


def arm_digests(campaign: Campaign, found: Mapping[bytes, str]) -> dict[str, str]:
    """What stands for the customers of each arm, by its name."""
    return {name: _digest(sorted(who for who, arm in found.items() if arm == name)) for name in campaign.arms}


def _read(file: Path) -> Campaign:
    try:
        return _DECODE(file.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CampaignError(f"{file.parent.name} must be a readable campaign, got {type(error).__name__}.") from error


def _write(
    home: Path, campaign: Campaign, hashes: dict[str, list[bytes]], cells: Mapping[bytes, ThresholdCell]
) -> None:
    rows = sorted((who, arm) for arm, found in hashes.items() for who in found)
    columns: dict[str, pa.Array] = {
        "who": pa.array([who for who, _ in rows], pa.binary(32)),
        "arm": pa.array([arm for _, arm in rows], pa.string()),
    }
    if cells:
        columns["cut"] = pa.array([cells[who].cut for who, _ in rows], pa.int8())
        columns["zone"] = pa.array([cells[who].zone for who, _ in rows], pa.int8())
    table = pa.table(columns)
    target = home / CAMPAIGNS / campaign.id
    with new_draft(target, folder=True) as (draft, _):
        pq.write_table(table, draft / ARMS)
        (draft / CAMPAIGN).write_bytes(msgspec.json.format(msgspec.json.encode(campaign), indent=1) + b"\n")
        for file in (draft / ARMS, draft / CAMPAIGN):
            file.chmod(0o600)
        draft.chmod(0o700)
        put_in_place(draft, target)


def _hashes(key: bytes, customers: Sequence[str]) -> list[bytes]:
    return sorted(keyed(key, customer) for customer in customers)


def _digest(hashes: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(hashes)).hexdigest()


@contextmanager
def one_writer(home: Path) -> Iterator[None]:
    """One process at a time writes campaigns of a home, or what is known of them."""
    folder = home / CAMPAIGNS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked_file(folder / _LOCK):
        yield


_DECODE = msgspec.json.Decoder(Campaign).decode
_ARM_DIGESTS = msgspec.json.Decoder(dict[str, str]).decode
