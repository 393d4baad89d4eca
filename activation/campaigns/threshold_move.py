"""A threshold moved by what a test showed: the installed policy with another cut, proved, logged, then in force."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from features.spec.atomic import write_file
from scoring.answers.policy_proof import read_and_prove
from scoring.audiences.campaign import Campaign, CampaignError
from scoring.audiences.campaign_result import CampaignResult
from scoring.privacy.audit_trail import Fact, command_actor, record
from scoring.segments.assignment import SEGMENTS_FOLDER, current_policy, install_policy, source_of, version_of
from scoring.segments.policy import Policy

MOVES = "threshold_moves.jsonl"  # beside the policies
_PERCENT = 100.0  # a score is its probability in percent


class ThresholdMove(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `threshold_moves.jsonl`."""

    at: datetime
    by: str
    campaign: str
    use_case: str
    was: float  # the cut before
    now: float
    policy_before: str
    policy: str
    rules: int  # comparisons that have another number


def move_threshold(
    home: Path, campaign: Campaign, found: CampaignResult | None, *, by: str, at: datetime
) -> ThresholdMove:
    """Puts the cut that a test showed to be better into the installed policy.

    Every comparison of the use case's probability with the cut in force, and of its score, has the other one from then
    on; all else of the text stays.

    Args:
        home: Whose policy.
        campaign: The test.
        found: Its result, as it is kept.
        by: Who moves it.
        at: UTC.

    Raises:
        CampaignError: The test does not show it, or no rule of the policy has the cut in force.
        PolicyError: The policy with the other cut has faults: the installed one stays.
        BundleError: The policy, or a release, is not what it was.
        OSError: The move cannot be logged: then it is not made.
    """
    if found is None or found.threshold is None or found.next_step not in ("move_cut", "weigh_cut"):
        raise CampaignError(
            "A threshold moves only where the test shows that another one brings more, got no such result."
        )
    before, cut = current_policy(home), found.threshold
    source, rules = with_cut(source_of(home, before.version), campaign.list.use_case, cut.in_force, cut.other)
    if not rules:
        name = campaign.list.use_case
        raise CampaignError(f"A rule of the policy must compare {name}.probability with {cut.in_force:g}, got none.")
    if rules != (there := comparisons(before, campaign.list.use_case, cut.in_force)):
        raise CampaignError(
            f"Each rule with the cut must be written like {campaign.list.use_case}.probability >= {cut.in_force:g}: "
            f"{there} compare with it, {rules} places of the text are. Change the policy by hand."
        )
    policy, _ = read_and_prove(home, source)
    move = ThresholdMove(
        at=at,
        by=by,
        campaign=campaign.id,
        use_case=campaign.list.use_case,
        was=cut.in_force,
        now=cut.other,
        policy_before=before.version,
        policy=version_of(policy),
        rules=rules,
    )
    actor = msgspec.structs.replace(command_actor(), who=by)
    about: dict[str, Fact] = {"policy": move.policy, "campaign": campaign.id, "was": move.was, "now": move.now}
    record(home, "policy", actor, about=about)
    file = home / SEGMENTS_FOLDER / MOVES
    logged = file.read_bytes() if file.exists() else b""
    write_file(file, logged + msgspec.json.encode(move) + b"\n", mode=0o600)
    install_policy(home, policy, source)
    return move


def comparisons(policy: Policy, use_case: str, cut: float) -> int:
    """How many comparisons of a policy's rules, however written, are of a use case's probability or score and a cut."""
    sides = [
        {("column", f"{use_case}.probability"), ("literal", cut)},
        {("column", f"{use_case}.score"), ("literal", round(cut * _PERCENT, 9))},
    ]

    def found(rule: Any) -> int:
        if not isinstance(rule, tuple):
            return 0
        if rule and rule[0] == "compare":
            return {_rounded(side) for side in rule[2:]} in sides
        return sum(map(found, rule))

    return sum(found(rule) for segment in policy.segments for rule in (segment.rule, segment.stay))


def _rounded(side: Any) -> Any:
    head, value = side
    return (head, round(value, 9)) if isinstance(value, float | int) else side


def with_cut(source: str, use_case: str, was: float, now: float) -> tuple[str, int]:
    """A policy's text with another cut in its rules, and how many comparisons changed.

    >>> with_cut('rule = "churn.probability >= 0.30"', "churn", 0.3, 0.2)
    ('rule = "churn.probability >= 0.2"', 1)
    >>> with_cut('rule = "churn.score < 30 AND churn.score >= 5"', "churn", 0.3, 0.2)
    ('rule = "churn.score < 20 AND churn.score >= 5"', 1)
    """
    changed = 0

    def moved(match: re.Match[str]) -> str:
        nonlocal changed
        scale = _PERCENT if match["field"] == "score" else 1.0
        if abs(float(match["cut"]) - was * scale) > 1e-9:
            return match[0]
        changed += 1
        return f"{match['before']}{now * scale:.10g}"

    name = rf'(?:\\?"{re.escape(use_case)}\\?"|(?<![\w.-]){re.escape(use_case)})'
    compared = rf"(?P<before>{name}\.(?P<field>probability|score)\s*(?:>=|<=|>|<)\s*)(?P<cut>\d+(?:\.\d+)?)(?![\d.])"
    lines = [
        line if line.lstrip().startswith("#") else re.sub(compared, moved, line)
        for line in source.splitlines(keepends=True)
    ]
    return "".join(lines), changed
