"""Until when what a home keeps of a customer is kept, by its rules in `run.toml` and `retention.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scoring.audiences.pressure.pressure_rules import RUN_FILE
from scoring.population.daily_file import age_of
from scoring.privacy.retention_file import RetentionRules, Span, read_retention

_KEEP, _MONTHS = "35d", 13  # of days, where run.toml does not say


@dataclass(frozen=True, slots=True)
class Keeping:
    """The rules of one home."""

    days: timedelta  # of reasons and features
    months: int  # of scores of month ends
    rules: RetentionRules
    decisions: Span

    def features_until(self, as_of: datetime) -> str:
        """Until when the features of a day are kept, ISO date."""
        return f"{as_of + self.days:%Y-%m-%d}"

    def score_until(self, as_of: datetime) -> str:
        """Until when the scores of a day are kept at most: those of month ends; ISO date."""
        return f"{max(Span(self.months or 1, 'm').after(as_of), as_of + self.days):%Y-%m-%d}"

    def decision_until(self, at: str) -> str:
        """Until when a line of the decisions log is kept, or of what was said against it; ISO date."""
        return _after(self.decisions, at)

    def list_until(self, at: str) -> str:
        """Until when it is known that a customer was on a list; ISO date."""
        return _after(self.rules.contact_history, at)

    def campaign_until(self, at: str) -> str:
        """Until when it is known of which arm of a campaign a customer was; ISO date."""
        return _after(self.rules.campaigns, at)


def keeping_of(home: Path, *, decisions_days: float) -> Keeping:
    """The rules of a home; `decisions_days` is the server's, where the home has no rule for decisions.

    Raises:
        RetentionError: `retention.toml` breaks a rule.
        OSError: A file cannot be read.
    """
    rules = read_retention(home)
    try:
        stated = tomllib.loads((home / RUN_FILE).read_text(encoding="utf-8")).get("population", {})
        days, months = age_of(stated.get("keep", _KEEP)), int(stated.get("months", _MONTHS))
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        days, months = age_of(_KEEP), _MONTHS
    return Keeping(days, months, rules, rules.decisions or Span(max(1, round(decisions_days)), "d"))


def _after(span: Span, at: str) -> str:
    return f"{span.after(datetime.fromisoformat(at).astimezone(UTC)):%Y-%m-%d}"
