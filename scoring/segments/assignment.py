"""Segments of answers: the default policy, and how an installed one is applied to customers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from scoring.bundle.bundle import canonical_json
from scoring.bundle.manifest import Manifest
from scoring.errors import BundleError
from scoring.releases.current_pointer import released_use_cases
from scoring.releases.store import make_current_in, manifest_of, write_folder
from scoring.segments.default_policy import VERSION, default_policy
from scoring.segments.policy import Assignment, Policy, Segment
from scoring.segments.repeated import Repeated
from scoring.segments.rules import DISCOVERED, FIELDS, MARGIN, Kind, Mask, NullableColumn, evaluate, plain_value

SEGMENTS_FOLDER = "segments"
SIZES = "sizes.json"  # beside the policies: the last snapshot's counts and where it is
REPORT = "report.json"  # there too: the last segment report
SPEAKING = frozenset({"scored", "not_eligible"})

DEFAULT = Policy(
    ("churn", "propensity"),
    (
        Segment(
            "dormant",
            {"fr": "Dormants", "en": "Dormant"},
            "churn.status = 'not_eligible' AND propensity.lowest_band",
            (
                "and",
                ("compare", "=", ("column", "churn.status"), ("literal", "not_eligible")),
                ("true", ("column", "propensity.lowest_band")),
            ),
        ),
        Segment(
            "at_risk",
            {"fr": "À risque", "en": "At risk"},
            "churn.highest_band",
            ("true", ("column", "churn.highest_band")),
        ),
        Segment(
            "loyal", {"fr": "Fidèles", "en": "Loyal"}, "churn.lowest_band", ("true", ("column", "churn.lowest_band"))
        ),
        Segment("promising", {"fr": "Prometteurs", "en": "Promising"}, "TRUE", ("constant", True)),
    ),
    {
        "churn.status": "text",
        "churn.highest_band": "boolean",
        "churn.lowest_band": "boolean",
        "propensity.lowest_band": "boolean",
    },
)

# A column's values over the customers asked about, None where null; or the column that rules read, made at once.
ColumnReader = Callable[[str], list[Any] | NullableColumn]


def current_policy(home: Path) -> Policy:
    """The installed policy, else the default one.

    Raises:
        BundleError: What is installed is not what its name says.
    """
    pointer = home / SEGMENTS_FOLDER / "CURRENT"
    if not pointer.is_file():
        return _default(manifest_of(home, name) for name in released_use_cases(home))
    return installed_policy(home, pointer.read_text().strip())


def policy_of_version(home: Path, version: str, models: Mapping[str, str]) -> Policy | None:
    """The policy of a version that was in force once, beside these versions of models; None where it is gone."""
    if version == VERSION:
        return _default(manifest_of(home, name, version=model) for name, model in models.items())
    try:
        return installed_policy(home, version)
    except BundleError:
        return None


def _default(manifests: Iterable[Manifest | None]) -> Policy:
    """The default policy of some releases; where none can be read that of a home without any."""
    known = [manifest for manifest in manifests if manifest is not None]
    return default_policy(known) if known else DEFAULT


def installed_policy(home: Path, version: str) -> Policy:
    """The policy of a version that was installed. Raises as `current_policy` does."""
    path = home / SEGMENTS_FOLDER / version / "policy.json"
    if Path(version).name != version or not path.is_file():
        raise BundleError("The current policy must name one that is installed, got another.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest()[:12] != version:
        raise BundleError("An installed policy must hash to its version, got another content.")
    return Policy.from_json(json.loads(content), version)


def install_policy(home: Path, policy: Policy, source: str) -> str:
    """Stores a policy, makes it current and returns its version, the start of its sha256."""
    content, version = canonical_json(policy.to_json()), version_of(policy)
    write_folder(home / SEGMENTS_FOLDER / version, {"policy.json": content, "segments.toml": source.encode()})
    make_current_in(home / SEGMENTS_FOLDER, version)
    return version


def version_of(policy: Policy) -> str:
    """What a policy is called once it is installed: the start of its sha256."""
    return hashlib.sha256(canonical_json(policy.to_json())).hexdigest()[:12]


def source_of(home: Path, version: str) -> str:
    """The text that an installed policy was read from.

    Raises:
        BundleError: It is gone, or the policy is the default one, which has none.
    """
    if version == VERSION:
        raise BundleError("A policy must be installed to have a text of its own, got the default one.")
    try:
        return (home / SEGMENTS_FOLDER / version / "segments.toml").read_text(encoding="utf-8")
    except OSError as error:
        raise BundleError(f"The text of an installed policy must be there, got {type(error).__name__}.") from error


def assign_all(
    policy: Policy,
    statuses: Mapping[str, Sequence[str]],
    read: ColumnReader,
    *,
    members: Sequence[Mapping[str, bool]] = (),
) -> Repeated[Assignment]:
    """Where each customer stands; nowhere where a use case of the policy cannot speak of them.

    Args:
        policy: Whose rules hold.
        statuses: For each use case of the policy, each customer's status.
        read: Gives the values of a column the rules name.
        members: As `Policy.assign` takes them.
    """
    spoken, columns = _readable(policy, statuses, read)
    placed = policy.assign(columns, len(spoken), members=members)
    return Repeated([*placed.values, Assignment()], np.where(spoken, placed.which, len(placed.values)))


def assign_one(policy: Policy, statuses: Mapping[str, str], read: Callable[[str], Any]) -> Assignment:
    """Where `assign_all` puts one customer of no known membership.

    Args:
        policy: Whose rules hold.
        statuses: The customer's status for each use case of the policy.
        read: Gives the value of a name the rules read, None where null.
    """
    if not all(statuses[name] in SPEAKING for name in policy.use_cases):
        return Assignment()
    return policy.place({name: plain_value(read(name), policy.kinds[name]) for name in policy.columns})


def rules_that_hold(
    policy: Policy, statuses: Mapping[str, Sequence[str]], read: ColumnReader, members: Sequence[Collection[str]]
) -> list[frozenset[str]]:
    """The segments whose own rule each customer satisfies, whichever of them then takes the customer.

    The stay rule counts for whoever is among the members. Where a use case of the policy cannot speak of a customer,
    no rule holds.
    """
    spoken, columns = _readable(policy, statuses, read)
    found: list[set[str]] = [set() for _ in spoken]
    for segment in policy.ordered:
        enters = evaluate(segment.rule, columns, len(spoken))
        stays = evaluate(segment.stay, columns, len(spoken)) if segment.stay else np.zeros_like(enters)
        for row, codes in enumerate(found):
            if spoken[row] and (enters[row] or (stays[row] and segment.code in members[row])):
                codes.add(segment.code)
    return [frozenset(codes) for codes in found]


def _readable(
    policy: Policy, statuses: Mapping[str, Sequence[str]], read: ColumnReader
) -> tuple[Mask, dict[str, NullableColumn]]:
    """Whom every use case of the policy speaks of, and the columns that its rules read."""
    speaks = [Repeated.of(statuses[name]).each(SPEAKING.__contains__) for name in policy.use_cases]
    spoken = np.logical_and.reduce([np.asarray(one.values, dtype=np.bool_)[one.which] for one in speaks])
    return spoken, {name: _of_spoken(read(name), spoken, policy.kinds[name]) for name in policy.columns}


def _of_spoken(values: list[Any] | NullableColumn, spoken: Mask, kind: Kind) -> NullableColumn:
    """The values of those who are spoken of; another's may be of any kind, and decides nothing."""
    if isinstance(values, NullableColumn):
        return NullableColumn(values.values, values.known & spoken)
    known = [value if speaks else None for value, speaks in zip(values, spoken.tolist(), strict=True)]
    return NullableColumn.of(known, kind)


def discovered_of(name: str) -> str | None:
    """What a name like `discovered.habits` or `discovered.habits_margin` asks of learned clusters; None of others."""
    prefix, point, field = name.partition(".")
    return field if point and prefix == DISCOVERED and field_of(name) is None else None


def cluster_column(field: str) -> str:
    """Where batches have what a rule calls `discovered.FIELD`.

    >>> cluster_column("habits"), cluster_column("habits_margin")
    ('habits_cluster', 'habits_cluster_margin')
    """
    name = field.removesuffix(MARGIN)
    return f"{name}_cluster{field[len(name) :]}"


@lru_cache(1024)  # the names of policies, which rules read a hundred times a second
def field_of(name: str) -> tuple[str, str] | None:
    """The use case and the field of a name like `churn.score`; None where it is a feature's."""
    use_case, point, field = name.rpartition(".")
    return (use_case, field) if point and field in FIELDS else None
