"""Who is kept from a list that consent would allow: the control group, who had contacts enough, who is another's."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from features.spec.atomic import draft_of
from features.spec.suppression_list import keyed
from scoring.audiences.audience import in_holdout
from scoring.audiences.pressure.contact_history import ListIdentity, contact_counts, record_contacts
from scoring.audiences.pressure.pressure_rules import PressureError, PressureRules, read_pressure
from scoring.privacy.suppression import own_key

CONTROL_FILE = "campaigns/control_group.json"  # its salt, drawn once: the same customers as long as the home lives
Kept = Literal["control", "pressure", "priority"]


class Restraint:
    """Asked of one customer after the other while a list is made."""

    def __init__(self, home: Path, listed: ListIdentity | None, *, rules: PressureRules | None = None) -> None:
        """Reads the rules and the history.

        Args:
            home: Whose.
            listed: The list that is made: contacts of itself do not count against it.
            rules: None: those of the home.

        Raises:
            PressureError: The rules or the history cannot be read.
            SuppressionError: The home's key cannot be read.
        """
        self.rules = rules or read_pressure(home)
        self.claimed: Counter[str] = Counter()  # how many lists that go first would take a customer
        self._salt = control_salt(home) if self.rules.control else ""
        self._spent = self._counts(home, listed)
        self._most = [limit.most for limit in self.rules.limits]
        self._key = own_key(home) if any(self._spent) else b""

    def reason(self, customer: str) -> Kept | None:
        """Why a customer is kept from the list; None for one who may be on it."""
        if self.rules.control and in_holdout(customer, share=self.rules.control, salt=self._salt):
            return "control"
        if not self._most:
            return None
        left = self._left(customer)
        if left <= 0:
            return "pressure"
        return "priority" if self.claimed[customer] >= left else None

    def claim(self, customers: Iterable[str]) -> None:
        """Leaves customers to a list that goes first."""
        self.claimed.update(customers)

    def _left(self, customer: str) -> int:
        """On how many lists more a customer may be."""
        if not self._key:
            return min(self._most)
        who = keyed(self._key, customer)
        return min(most - spent.get(who, 0) for most, spent in zip(self._most, self._spent, strict=True))

    def _counts(self, home: Path, listed: ListIdentity | None) -> list[dict[bytes, int]]:
        now = datetime.now(UTC)
        return [contact_counts(home, now - limit.within, but=listed) for limit in self.rules.limits]


def note_list(home: Path, listed: ListIdentity | None, customers: Sequence[str]) -> None:
    """Notes who is on a list that is about to leave; nobody of one that addresses nobody.

    Raises:
        PressureError: The history cannot be written: then the list must not leave.
        SuppressionError: The home's key cannot be read.
    """
    if listed is not None:
        record_contacts(home, listed, customers, at=datetime.now(UTC))


def control_salt(home: Path) -> str:
    """The salt of the home's control group, drawn when it is first asked for; it is never another.

    Raises:
        PressureError: It cannot be read.
    """
    file = home / CONTROL_FILE
    try:
        if not file.exists():
            with draft_of(file, mode=0o600, keep_existing=True) as draft:
                stated = {"salt": secrets.token_hex(16), "since": datetime.now(UTC).isoformat(timespec="seconds")}
                draft.write_text(json.dumps(stated) + "\n")
        return str(json.loads(file.read_bytes())["salt"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PressureError(
            f"{CONTROL_FILE} must hold the salt of the control group, got {type(error).__name__}."
        ) from error
