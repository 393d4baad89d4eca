"""A policy is proved on the golden rows of the releases it reads, before it names anybody's segment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live, open_live
from scoring.answers.wire import Profile
from scoring.bundle.bundle import canonical_json
from scoring.encoding.block import Block, common_shape
from scoring.errors import PolicyFailedError
from scoring.releases.current_pointer import released_use_cases
from scoring.segments.cut_points import cuts_of
from scoring.segments.policy import Policy
from scoring.segments.policy_file import PolicyError, read_policy


def prove_policy(policy: Policy, live: Mapping[str, Live]) -> int:
    """Names the segments of golden rows, posted one by one and as a block; returns how many rows there were.

    Zero where a use case of the policy is not among `live`: then it names nobody.

    Raises:
        PolicyFailedError: A rule could not be evaluated, or the two ways differ.
    """
    if not live.keys() >= set(policy.use_cases):
        return 0
    read = {name: live[name] for name in policy.use_cases}
    profiles = _golden(read)
    named = _segments(profiles, read, policy)
    shape = common_shape(served.scorer.encoder.shape for served in read.values())
    block = Block.of([(row["customer_id"], row["features"]) for row in profiles], shape) if shape else profiles
    if _segments(block, read, policy) != named:
        raise PolicyFailedError(f"The policy {policy.version} must name the same segments of rows and of a block.")
    return len(profiles)


def prove_as_stored(policy: Policy, live: Mapping[str, Live]) -> None:
    """The same of a policy as servers will read it back once it is installed. Raises as `prove_policy`."""
    prove_policy(Policy.from_json(json.loads(canonical_json(policy.to_json())), "new"), live)


def read_and_prove(home: Path, source: str) -> tuple[Policy, dict[str, Live]]:
    """A policy of a TOML text that the releases of a home can answer by, and these releases.

    Raises:
        PolicyError: It has faults, or cannot name the segments of golden rows.
        BundleError: A release is not what it was.
    """
    live = open_live(home, released_use_cases(home))
    bundles = {name: served.release.bundle for name, served in live.items()}
    policy = read_policy(
        source,
        {name: bundle.features for name, bundle in bundles.items()},
        {name: cuts_of(bundle) for name, bundle in bundles.items()},
        {name: bundle.ladder.codes for name, bundle in bundles.items()},
        {name: tuple(one.learned.codes) for served in live.values() for name, one in served.discovering.items()},
    )
    try:
        prove_as_stored(policy, live)
    except PolicyFailedError as error:
        raise PolicyError([f"line 1: The golden rows of every release must get a segment. {error}"]) from error
    return policy, live


def _segments(profiles: Any, live: Mapping[str, Live], policy: Policy) -> list[Any]:
    return [row["segment"] for row in score_profiles(live, profiles, use_cases=list(live), policy=policy)]


def _golden(live: Mapping[str, Live]) -> list[Profile]:
    """Golden rows of the bundles side by side: each profile has every feature of them all."""
    columns = [[row.features for row in served.release.bundle.golden] for served in live.values()]
    beside = ([column[place % len(column)] for column in columns] for place in range(max(map(len, columns))))
    return [
        {"customer_id": "golden", "features": {name: value for row in rows for name, value in row.items()}}
        for rows in beside
    ]
