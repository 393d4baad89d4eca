"""One shop whose till, web and mail keep a log each, in a shape of its own, and the same events merged by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

BEGUN = datetime(2025, 1, 1)
DAYS = 480
CUSTOMERS = 300
CUTOFF = datetime(2026, 1, 15, tzinfo=UTC)

QUESTION = """
[window]
observation = "7d"
prediction = "45d"

[eligible]
active_within = "180d"

[label]
event = "{label}"
outcome = "present"

[[counts]]
name = "shoes_in_january"
event = "{label}"
where = {{ dept = "Shoes" }}
months = [1]

[[counts]]
name = "carts_left"
event = "{cart}"
unless = "{label}"
within = "24h"
"""

TILL = """
path = "till.csv"
customer_id = "card"
timestamp = "day"
timestamp_format = "%d/%m/%Y %H:%M"
type = "purchase"
amount = "total"
order = "receipt"
refund = { column = "kind", equals = "return" }
properties = ["dept"]
"""
WEB = """
path = "web.parquet"
customer_id = "visitor"
timestamp = "at"
timestamp_format = "epoch_s"
type = { column = "action" }
properties = ["page"]
measures = ["seconds"]
links = "links.csv"
"""
MAIL = """
path = "mail.parquet"
customer_id = "contact"
timestamp = "sent_at"
type = { column = "event" }
id = "message"
properties = ["theme"]
"""
MERGED = """
[events]
path = "merged.parquet"
customer_id = "who"
timestamp = "when"
type = { column = "what" }
amount = "amount"
order = "receipt"
refund = { column = "kind", equals = "return" }
properties = ["dept", "page", "theme"]
measures = ["seconds"]
"""


def write_shop(folder: Path) -> None:
    """Writes the three logs, the links between their ids, and the hand-merged log."""
    rng = np.random.default_rng(22)
    till, web, mail = _till(rng), _web(rng), _mail(rng)
    till.with_columns(
        pl.col("when").dt.strftime("%d/%m/%Y %H:%M").alias("day"),
        pl.col("amount").map_elements(_french, pl.String).alias("total"),
    ).select("card", "day", "total", "receipt", "kind", "dept").write_csv(folder / "till.csv", separator=";")
    web.select("visitor", pl.col("when").dt.epoch("s").alias("at"), "action", "page", "seconds").write_parquet(
        folder / "web.parquet"
    )
    mails = mail.select(
        "message", "contact", pl.col("when").dt.strftime("%Y-%m-%dT%H:%M:%S").alias("sent_at"), "event", "theme"
    )
    pl.concat([mails, mails.head(40)]).write_parquet(folder / "mail.parquet")  # some stand twice
    linked = [number for number in range(CUSTOMERS) if number % 10]
    links = pl.DataFrame({"customer_id": [f"w{n}" for n in linked], "same_as": [_card(n) for n in linked]})
    links.write_csv(folder / "links.csv")
    merged(till, web, mail, {f"w{n}": _card(n) for n in linked}).write_parquet(folder / "merged.parquet")


def merged(till: pl.DataFrame, web: pl.DataFrame, mail: pl.DataFrame, links: dict[str, str]) -> pl.DataFrame:
    """All events in one shape."""
    parts = (
        till.rename({"card": "who"}).with_columns(what=pl.lit("purchase")),
        web.rename({"visitor": "who", "action": "what"}).with_columns(pl.col("who").replace(links)),
        mail.rename({"contact": "who", "event": "what"}).drop("message"),
    )
    return pl.concat(parts, how="diagonal")


def write_use_cases(folder: Path, *, names: bool = False) -> tuple[Path, Path]:
    """Writes the use case on three logs and that on the hand-merged one; `names` gives each log its name."""
    said = {"till": TILL, "web": WEB, "mail": MAIL}
    logs = "".join(
        "\n[[events]]\n" + (f'name = "{name}"\n' if names else "") + text.strip() + "\n" for name, text in said.items()
    )
    question = QUESTION.format(label="till_purchase" if names else "purchase", cart="web_cart" if names else "cart")
    several = folder / ("named.toml" if names else "several.toml")
    several.write_text(_header("shop") + logs + question, encoding="utf-8")
    single = folder / "single.toml"
    single.write_text(_header("shop") + MERGED + QUESTION.format(label="purchase", cart="cart"), encoding="utf-8")
    return several, single


def _header(name: str) -> str:
    return f'name = "{name}"\npolarity = "positive"\nseed = 3\n'


def _card(number: int) -> str:
    return str(1000 + number)


def _french(amount: float) -> str:
    whole, cents = f"{amount:.2f}".split(".")
    return f"{whole},{cents}"


def _moments(rng: np.random.Generator, many: int) -> list[datetime]:
    minutes = rng.integers(0, DAYS * 1440, many)
    return [BEGUN + timedelta(minutes=int(one)) for one in minutes]


def _till(rng: np.random.Generator) -> pl.DataFrame:
    many = 2400
    whose = rng.integers(0, CUSTOMERS, many) ** 2 // CUSTOMERS
    rows = pl.DataFrame(
        {
            "card": [_card(n) for n in whose.tolist()],
            "when": _moments(rng, many),
            "amount": np.round(rng.gamma(2.0, 20.0, many) + 1, 2),
            "receipt": [f"R{n}" for n in range(many)],
            "kind": rng.choice(["sale", "return"], many, p=[0.95, 0.05]),
            "dept": rng.choice(["Shoes", "Coats", "Bags"], many),
        }
    )
    return pl.concat([rows, rows.head(300).with_columns(amount=pl.lit(5.25), dept=pl.lit("Bags"))])  # lines of an order


def _web(rng: np.random.Generator) -> pl.DataFrame:
    many = 3600
    return pl.DataFrame(
        {
            "visitor": [f"w{n}" for n in rng.integers(0, CUSTOMERS, many).tolist()],
            "when": _moments(rng, many),
            "action": rng.choice(["visit", "cart"], many, p=[0.8, 0.2]),
            "page": rng.choice(["home", "sales", "new"], many),
            "seconds": rng.integers(1, 400, many),
        }
    )


def _mail(rng: np.random.Generator) -> pl.DataFrame:
    many = 2000
    return pl.DataFrame(
        {
            "message": [f"m{n}" for n in range(many)],
            "contact": [_card(n) for n in rng.integers(0, CUSTOMERS, many).tolist()],
            "when": _moments(rng, many),
            "event": rng.choice(["send", "click"], many, p=[0.75, 0.25]),
            "theme": rng.choice(["sales", "new"], many),
        }
    )
