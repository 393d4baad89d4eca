"""HOME/monitor.toml: thresholds, who is alerted and by what, quiet hours, cool-down; everything in it is optional."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from features.config.file_errors import error_messages
from features.config.use_case import read_toml
from features.config.value_types import Fraction, Hours, ListSection
from features.errors import UseCaseError
from features.spec.atomic import write_file
from features.spec.languages import Language
from monitoring.state.judge import Limits

MONITOR_FILE = "monitor.toml"
DEFAULT = """\
# What `penchant monitor` alerts about, whom it alerts, and when not. Everything here is optional.
#
# [limits]                # from where on something is said
# age_days = 90           # of a model
# stale_days = 2          # that a source ends before the day
# rejected_share = 0.05   # of a source's rows
# behind_share = 0.01     # of the RFM logit's log-loss, by which the model is certainly behind it
# rate_off = 0.2          # how far the mean probability may be from the realised rate, as a share of that: to watch,
# rate_far_off = 0.5      # and not to be trusted
# moved = 0.05            # share of the customers or of the list that a drifted feature moves
#
# [alerts]
# state = "watch"         # or "distrust": the least grave state that alerts
# who = "crm team"        # named in every alert
# cool_down = "24h"       # in which the same thing, ended and back, is not sent again
# language = "en"         # of e-mails; webhooks carry both
#
# [alerts.quiet]          # nothing is sent meanwhile; it is sent after
# from = "20:00"
# to = "08:00"
# zone = "Europe/Paris"
#
# [[webhook]]
# url = "https://example.com/hook"   # or url_env, the name of the environment variable that holds it
# secret_env = "PENCHANT_HOOK"       # the name of the variable whose value signs each message
#
# [email]
# host = "smtp.example.com"
# port = 587
# from = "penchant@example.com"
# to = ["crm@example.com"]
# user = "penchant"
# password_env = "PENCHANT_SMTP"     # the name of the variable
#
# [[goal]]                # of a list that left with a hold-out; goals of segments stand in segments.toml
# campaign = "9368562671e2"          # its id, as `penchant campaign list` prints it
# kpi = "conversion"      # or open_rate, engagement, value, cost_per_acquisition
# target = 0.1            # a rate, or an amount
# by = 2026-12-31
"""
ListKpi = Literal["conversion", "open_rate", "engagement", "value", "cost_per_acquisition"]
LIST_RATES: tuple[ListKpi, ...] = ("conversion", "open_rate", "engagement")
_LIMITS = Limits()
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _clock(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value)
    raise ValueError('must be an hour of the day such as "08:00"')


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError('must be a zone such as "Europe/Paris"') from None
    return value


Clock = Annotated[time, BeforeValidator(_clock)]
Variable = Annotated[str, Field(pattern=_VARIABLE)]
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
Positive = Annotated[int, Field(ge=1, le=10_000, strict=True)]


class LimitsSection(ListSection):
    """From where on something is said."""

    age_days: Positive = _LIMITS.age_days
    stale_days: Positive = _LIMITS.stale_days
    rejected_share: Fraction = _LIMITS.rejected_share
    behind_share: Fraction = _LIMITS.behind_share
    rate_off: Annotated[float, Field(gt=0)] = _LIMITS.rate_off
    rate_far_off: Annotated[float, Field(gt=0)] = _LIMITS.rate_far_off
    moved: Fraction = _LIMITS.moved


class QuietHours(ListSection):
    """When nothing is sent."""

    from_: Annotated[Clock, Field(alias="from")]
    to: Clock
    zone: Annotated[str, AfterValidator(_zone)]

    def holds(self, now: datetime) -> bool:
        """Whether a moment is within them; their end is not, and they may pass midnight."""
        clock = now.astimezone(ZoneInfo(self.zone)).time()
        if self.from_ <= self.to:
            return self.from_ <= clock < self.to
        return clock >= self.from_ or clock < self.to


class AlertsSection(ListSection):
    """What alerts, and whom."""

    state: Literal["watch", "distrust"] = "watch"
    who: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    cool_down: Hours = 24
    language: Language = "en"
    quiet: QuietHours | None = None


class WebhookSection(ListSection):
    """A receiver of signed messages."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+")] | None = None
    url_env: Variable | None = None
    secret_env: Variable

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("exactly one of url and url_env must be given")
        return self

    def address(self, environment: Mapping[str, str] = os.environ) -> str | None:
        """Where it is sent to; None while the variable is not set."""
        return self.url if self.url_env is None else environment.get(self.url_env)


class EmailSection(ListSection):
    """A server that takes e-mail, over STARTTLS."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535, strict=True)] = 587
    from_: Annotated[Address, Field(alias="from")]
    to: Annotated[tuple[Address, ...], Field(min_length=1)]
    user: str | None = None
    password_env: Variable | None = None
    starttls: bool = True

    @model_validator(mode="after")
    def _names_whoever_signs_in(self) -> Self:
        if (self.user is None) != (self.password_env is None):
            raise ValueError("user and password_env go together")
        if self.user is not None and not self.starttls:
            raise ValueError("a password must not be sent without starttls")
        return self


class GoalSection(ListSection):
    """What is wanted of a list: a figure, how high, and until when."""

    campaign: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    kpi: ListKpi
    target: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    by: date

    @model_validator(mode="after")
    def _is_a_rate(self) -> Self:
        if self.kpi in LIST_RATES and self.target > 1:
            raise ValueError("the target of a rate must be at most 1")
        return self


class MonitorFile(ListSection):
    """The whole file."""

    limits: LimitsSection = Field(default_factory=LimitsSection)
    alerts: AlertsSection = Field(default_factory=AlertsSection)
    webhook: tuple[WebhookSection, ...] = ()
    email: EmailSection | None = None
    goal: tuple[GoalSection, ...] = ()

    @property
    def judged_by(self) -> Limits:
        """The limits of a use case's state."""
        return Limits(**{field.name: getattr(self.limits, field.name) for field in fields(Limits)})


def load_monitor_file(home: Path) -> MonitorFile:
    """The file of a home; where there is none it is begun, with everything commented out.

    Raises:
        UseCaseError: every broken key at once.
    """
    file = home / MONITOR_FILE
    if not file.exists():
        write_file(file, DEFAULT.encode(), mode=0o600)
        return MonitorFile()
    try:
        return MonitorFile.model_validate(read_toml(file))
    except ValidationError as failure:
        raise UseCaseError(file, error_messages(failure)) from failure
