"""A home with a frozen snapshot, contacts and consent, and destinations of it: nothing is trained."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from activation.deliveries.deliver import Delivery
from activation.deliveries.transport import DeliveryClock
from activation.destinations.kinds import open_delivery
from scoring.audiences.consent import COLUMNS

KEY = {"DEST_KEY": "secret"}
DAY = date(2026, 5, 1)


class QuickClock(DeliveryClock):
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        """Begins at noon."""
        self.at, self.waits = datetime(2026, 5, 1, 12, tzinfo=UTC), list[float]()

    def now(self) -> datetime:
        """This moment."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Is over at once."""
        self.waits.append(seconds)
        self.at += timedelta(seconds=seconds)


@dataclass
class DeliveryWorld:
    """A home, and the files beside it."""

    folder: Path
    people: list[str]
    segments: dict[str, str] = field(default_factory=dict)  # who is elsewhere than in `hot`
    scores: dict[str, float] = field(default_factory=dict)
    unwilling: set[str] = field(default_factory=set)
    without: set[str] = field(default_factory=set)  # an address
    addresses: dict[str, str] = field(default_factory=dict)  # who has another than the usual one
    purpose: str = "marketing"
    day: date = DAY

    @property
    def home(self) -> Path:
        """The home."""
        return self.folder / "home"

    def write(self) -> DeliveryWorld:
        """All files anew."""
        self.home.mkdir(parents=True, exist_ok=True)
        write_snapshot(self.folder / "snapshot.parquet", self.people, self.segments, self.scores, self.day)
        reached = [one for one in self.people if one not in self.without]
        contacts = {
            "customer_id": reached,
            "mail": [self.addresses.get(one, address(one)) for one in reached],
            "mobile": [f"+336{number(one):08d}" for one in reached],
        }
        pq.write_table(pa.table(contacts), self.folder / "contacts.parquet")
        agreed = [one for one in self.people if one not in self.unwilling]
        self.write_consent({("email", self.purpose): agreed})
        return self

    def write_consent(self, agreed: Mapping[tuple[str, str], Iterable[str]]) -> None:
        """Who agreed, by channel and purpose."""
        cells = [
            (one, channel, purpose, "2026-01-01", "", "form", "1")
            for (channel, purpose), people in agreed.items()
            for one in people
        ]
        texts = [pa.array(column, pa.string()) for column in zip(*cells, strict=True)]
        pq.write_table(pa.table(texts, names=list(COLUMNS)), self.folder / "consent.parquet")

    def file(self, text: str, *, name: str = "dest", audience: str = 'segment = "hot"', consent: str = "") -> Path:
        """A DEST.toml; `text` stands in [destination], further sections after it."""
        section, _, more = text.partition("\n[")
        lines = [
            "[destination]",
            section,
            "[audience]",
            audience,
            'snapshot = "snapshot.parquet"',
            "[consent]",
            f'contacts = "contacts.parquet"\nemail = "mail"\nconsent = "consent.parquet"\npurpose = "{self.purpose}"',
            consent,
            *([f"[{more}"] if more else []),
        ]
        path = self.folder / f"{name}.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def delivery(self, file: Path, clock: DeliveryClock | None = None) -> Delivery:
        """What a file is about, by a clock that never waits."""
        return open_delivery(self.home, file, clock=clock or QuickClock(), environment=KEY)


def number(customer: str) -> int:
    """The number in an id."""
    return int(customer[1:])


def address(customer: str) -> str:
    """Where a customer is written to."""
    return f"{customer.lower()}@example.org"


def world(folder: Path, count: int = 12) -> DeliveryWorld:
    """Customers `c0`, `c1`, ..., all of them in the segment `hot`."""
    return DeliveryWorld(folder, [f"c{one}" for one in range(count)]).write()


def hot(world: DeliveryWorld, *, but: Collection[str] = ()) -> set[str]:
    """The addresses of those who shall be at the destination."""
    return {address(one) for one in world.people if world.segments.get(one, "hot") == "hot" and one not in but}


def write_snapshot(
    path: Path, people: list[str], segments: Mapping[str, str], scores: Mapping[str, float], day: date
) -> None:
    """Customers as a snapshot has them."""
    codes = [segments.get(one, "hot") for one in people]
    given = [scores.get(one, 50.0 + number(one) % 40) for one in people]
    columns: dict[str, pa.Array] = {
        "customer_id": pa.array(people, pa.string()),
        "segment": pa.array(codes, pa.string()),
        "path": pa.array([[one] for one in codes], pa.list_(pa.string())),
        "also": pa.array([[] for _ in codes], pa.list_(pa.string())),
        "churn_status": pa.array(["scored"] * len(people), pa.string()),
        "churn_probability": pa.array([one / 100 for one in given], pa.float64()),
        "churn_score": pa.array(given, pa.float64()),
        "churn_band": pa.array(["high" if one >= 70 else "low" for one in given], pa.string()),
        "churn_reason_1_text": pa.array([f"Bought {number(one)} days ago" for one in people], pa.string()),
    }
    facts = {
        "policy": "p1",
        "models": {"churn": "1"},
        "as_of": day.isoformat(),
        "segments": [
            {"code": code, "labels": {"en": code, "fr": code}, "level": 0, "exclusive": True}
            for code in ("hot", "cold")
        ],
    }
    table = pa.table(columns).replace_schema_metadata({b"penchant": json.dumps(facts).encode()})
    pq.write_table(table, path)
