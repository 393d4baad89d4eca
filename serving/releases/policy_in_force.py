"""The policy of segments in force: the installed one once it is proved on golden rows, else the last good one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scoring.answers.policy_proof import prove_policy
from scoring.answers.served_release import Live
from scoring.errors import BundleError, PolicyFailedError
from scoring.segments.assignment import DEFAULT, current_policy
from scoring.segments.policy import Policy
from serving.telemetry import logs


class PolicyInForce:
    """Which policy names segments now, which did before it, and why an installed one does not."""

    def __init__(self) -> None:
        self.policy = DEFAULT
        self.refusal: str | None = None
        self._before = DEFAULT
        self._mark: object = ()

    def look(self, home: Path, served: Mapping[str, Live], mark: object) -> bool:
        """Takes up what is installed where `mark`, its and that of the releases, changed; returns whether so."""
        if mark == self._mark:
            return False
        found, self.refusal = self.policy, None
        try:
            found = current_policy(home)
            prove_policy(found, served)
        except (BundleError, PolicyFailedError) as error:
            self.refusal = str(error)
        except (OSError, KeyError, TypeError, ValueError) as error:
            self.refusal = f"It does not parse ({type(error).__name__})."
        self._put(found if self.refusal is None else self._good(served))
        self._mark = mark
        return True

    def give_up(self, policy: Policy, error: PolicyFailedError) -> Policy:
        """The policy in force once this one is not, which failed at customers; it is tried again when one changes."""
        if self.policy is policy:
            self.refusal = str(error)
            self._put(DEFAULT if self._before is policy else self._before)
        return self.policy

    def _good(self, served: Mapping[str, Live]) -> Policy:
        """The latest policy that names the segments of golden rows of these releases."""
        for policy in (self.policy, self._before):
            try:
                prove_policy(policy, served)
            except PolicyFailedError:
                continue
            return policy
        return DEFAULT

    def _put(self, policy: Policy) -> None:
        changed = policy != self.policy  # the default policy has one version, whatever the releases are
        if changed:
            self._before, self.policy = (DEFAULT if self.refusal else self.policy), policy
        if changed or self.refusal:
            level = "error" if self.refusal else "info"
            logs.write("policy", level=level, version=self.policy.version, refused=self.refusal)
