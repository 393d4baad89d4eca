"""DEST.toml: where an audience is kept, of whom it is, by whose consent, and how much may change at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from features.config.file_errors import error_messages
from features.config.use_case import read_toml
from features.config.value_types import Fraction, ListSection
from features.errors import UseCaseError
from features.spec.languages import Language
from scoring.audiences.contacts import CHANNEL, PURPOSE, ContactsFile

Kind = Literal["webhook", "file", "brevo", "mailchimp", "hubspot"]
FieldName = Literal["score", "band", "segment", "reasons", "next_step"]
Preset = Literal["csv", "excel-fr", "salesforce", "marketo", "activecampaign", "meta", "linkedin", "tiktok", "google"]
ADS = ("meta", "linkedin", "tiktok", "google")
_FIELDS: dict[FieldName, str] = {"score": "score", "band": "band", "segment": "segment"}
ADS_PURPOSE = "ads:"
PHONE = "phone"  # the channel that numbers are of
_VENDORS = ("brevo", "mailchimp", "hubspot")
_TABLES = (".csv", ".parquet", ".tsv", ".gz")


def _named_fields(value: object) -> object:
    """A list of fields, each called as it is, or what each is called there."""
    return {name: name for name in value} if isinstance(value, list | tuple) else value


def _folded(value: str) -> str:
    return value.strip().casefold()


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
Text = Annotated[str, Field(min_length=1)]


class DestinationSection(ListSection):
    """Where it is kept."""

    kind: Kind
    name: Name | None = None  # None: that of the file
    key_env: Variable | None = None  # the variable that has the key, the secret or the password
    url: Text | None = None  # where it stands; None: the vendor's own address
    url_env: Variable | None = None  # the variable that has it, where the address itself is a secret
    list: Text | None = None  # the vendor's list; None: the name
    tag: Text | None = None  # Mailchimp's; None: the name
    event: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,100}$")] | None = None  # what a vendor calls a change
    preset: Preset = "csv"  # of a file
    back: Text | None = None  # where a webhook's or a file's unsubscribes are read
    country: Annotated[str, Field(pattern=r"^\d{1,3}$")] | None = None  # of phone numbers that name none, as 33
    known_hosts: Path | None = None  # of SFTP; None: the user's own

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.kind in ("webhook", "file") and (self.url is None) == (self.url_env is None):
            raise ValueError("exactly one of url and url_env must be given")
        if self.kind != "file" and self.key_env is None:
            raise ValueError("key_env must name the variable that has the key")
        if self.url and self.kind != "file" and not re.match(r"https?://[^\s/]", self.url):
            raise ValueError("url must begin with http:// or https://")
        if self.url and "://" in self.url and urlsplit(self.url).password:
            raise ValueError("url must hold no password: key_env names the variable that has it")
        if self.kind != "file" and self.preset != "csv":
            raise ValueError('preset is of kind "file" alone')
        if self.kind in _VENDORS and self.back:
            raise ValueError('back is of kinds "webhook" and "file": a vendor is asked itself')
        return self

    def address(self, environment: Mapping[str, str] = os.environ) -> str | None:
        """Where it stands, as stated; None for the vendor's own address."""
        return environment.get(self.url_env, "") if self.url_env else self.url

    @property
    def is_for_ads(self) -> bool:
        """Whether a list of customers is uploaded to advertising."""
        return self.kind == "file" and self.preset in ADS


class AudienceSection(ListSection):
    """Whom it is of, and what leaves of each."""

    segment: Text | None = None
    list: Text | None = None  # the id of a campaign, or a file with customer_id
    use_case: Text | None = None  # whose score leaves; with `top` also whom it is of; None: the first of the day
    top: Annotated[int, Field(ge=1, strict=True)] | None = None
    fields: Annotated[dict[FieldName, Text], BeforeValidator(_named_fields)] = Field(default_factory=_FIELDS.copy)
    language: Language = "en"
    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    salt: str = ""
    snapshot: Path | None = None  # None: the day in service
    changes: bool = False  # whether changes of segment go out too

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        stated = [self.segment is not None, self.list is not None, self.top is not None]
        if sum(stated) != 1:
            raise ValueError("exactly one of segment, list, and use_case with top must be given")
        if self.top is not None and self.use_case is None:
            raise ValueError("top must come with the use_case that ranks")
        if self.holdout and not self.salt:
            raise ValueError("holdout needs a salt, which says whose turn it is")
        if self.list is not None and self.holdout:
            raise ValueError("a list has its hold-out already: holdout must not be given")
        return self

    @property
    def label(self) -> str:
        """Whom it is of, for people."""
        return self.segment or self.list or f"{self.use_case} {self.top}"


class ConsentSection(ListSection):
    """Who can be reached, and who agreed to it."""

    contacts: Path
    email: Text | None = None  # the column of addresses
    phone: Text | None = None  # the column of numbers, which leave by consent of their own in a table alone
    consent: Text  # a column of the contacts, or a table of consent
    channel: Annotated[str, AfterValidator(_folded)] = CHANNEL
    purpose: Annotated[str, AfterValidator(_folded)] = PURPOSE

    @model_validator(mode="after")
    def _asks_for_the_right_consent(self) -> Self:
        if self.address_column is None:
            raise ValueError(f"{'phone' if self.is_by_phone else 'email'} must name the column of addresses")
        if self.table is None and (self.channel, self.purpose) != (CHANNEL, PURPOSE):
            raise ValueError(
                f"a column of consent speaks of the channel {CHANNEL} and the purpose {PURPOSE} alone: another needs a "
                "table of consent"
            )
        return self

    @property
    def is_by_phone(self) -> bool:
        """Whether numbers are what customers are reached by."""
        return self.channel in (PHONE, "telephone", "sms")

    @property
    def has_numbers(self) -> bool:
        """Whether numbers may stand beside addresses: by consent of their own, which only a table states."""
        return self.phone is not None and self.table is not None and not self.is_by_phone

    @property
    def address_column(self) -> str | None:
        """The column of what customers are reached by."""
        return self.phone if self.is_by_phone else self.email

    @property
    def table(self) -> Path | None:
        """The table of consent; None where a column says who agreed."""
        return Path(self.consent) if Path(self.consent).suffix.lower() in _TABLES else None

    def contacts_file(self, *, phone: bool = False) -> ContactsFile:
        """Where addresses and consent are; with `phone` the numbers beside e-mail addresses, by consent of their own.

        Raises:
            ValueError: There is no such column.
        """
        column = self.phone if phone else self.address_column
        if column is None:
            raise ValueError("There is no column of addresses.")
        if self.table is None:
            return ContactsFile(self.contacts, column, self.consent)
        channel = PHONE if phone else self.channel
        return ContactsFile(self.contacts, column, None, self.table, channel, self.purpose)


class DeliveryLimits(ListSection):
    """How fast, and how much may go at once."""

    per_minute: Annotated[int, Field(ge=1, strict=True)] | None = None  # calls
    shrink: Fraction = 0.3  # the share of those it has that may be removed at once
    patience: Annotated[float, Field(ge=0, le=86_400)] = 300.0  # seconds it may be asked to wait; else it stops
    smallest: Annotated[int, Field(ge=0, strict=True)] | None = None  # audience; None: as the vendor of ads asks


class DestinationFile(ListSection):
    """The whole file; paths are absolute after `load_destination`."""

    destination: DestinationSection
    audience: AudienceSection
    consent: ConsentSection
    limits: DeliveryLimits = Field(default_factory=DeliveryLimits)

    @model_validator(mode="after")
    def _goes_where_consent_reaches(self) -> Self:
        to_ads, for_ads = self.destination.is_for_ads, self.consent.purpose.startswith(ADS_PURPOSE)
        if to_ads and not for_ads:
            raise ValueError(
                f'consent.purpose must be "{ADS_PURPOSE}NAME" for an upload to advertising: consent to mail never '
                "stands in for it"
            )
        if for_ads and self.destination.kind in _VENDORS:
            raise ValueError(f'consent.purpose "{ADS_PURPOSE}NAME" is of uploads to advertising, not of mail')
        if self.audience.changes and self.destination.kind == "hubspot" and self.destination.event is None:
            raise ValueError('destination.event must name the custom event of changes, as "pe123_segment_changed"')
        if self.destination.kind in _VENDORS and self.consent.email is None:
            raise ValueError("consent.email must name the column of addresses, by which the vendor knows contacts")
        return self

    @property
    def name(self) -> str:
        """What it is called."""
        return self.destination.name or ""

    @property
    def hands_ids(self) -> bool:
        """Whether a customer's id leaves with each row."""
        return self.destination.kind in ("webhook", "file") and not self.destination.is_for_ads


def load_destination(file: Path) -> DestinationFile:
    """The file of a destination.

    Raises:
        UseCaseError: Every broken key at once.
    """
    try:
        found = DestinationFile.model_validate(read_toml(file))
        named = found.destination.name or file.stem
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", named):
            raise UseCaseError(file, ["destination.name: must be given, as the name of the file is not one"])
    except ValidationError as failure:
        raise UseCaseError(file, error_messages(failure)) from failure
    return _absolute(found, file.resolve().parent, named)


def _absolute(found: DestinationFile, folder: Path, named: str) -> DestinationFile:
    consent, audience, there = found.consent, found.audience, found.destination
    moved = {"contacts": folder / consent.contacts}
    table = {} if consent.table is None else {"consent": str(folder / consent.table)}
    listed = audience.list
    if listed is not None and not re.fullmatch("[0-9a-f]{12}", listed):
        listed = str(folder / listed)
    snapshot = None if audience.snapshot is None else folder / audience.snapshot
    local = there.kind == "file" and there.url is not None and "://" not in there.url
    url = str(folder / there.url) if local and there.url else there.url
    back = str(folder / there.back) if there.back and "://" not in there.back else there.back
    return found.model_copy(
        update={
            "consent": consent.model_copy(update={**moved, **table}),
            "audience": audience.model_copy(update={"list": listed, "snapshot": snapshot}),
            "destination": there.model_copy(
                update={
                    "name": named,
                    "url": url,
                    "back": back,
                    "known_hosts": None if there.known_hosts is None else folder / there.known_hosts,
                }
            ),
        }
    )
