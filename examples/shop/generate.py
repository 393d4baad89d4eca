"""Writes `commandes.csv`, made up by a seed: a French shop's orders as its till exports them.

Semicolons, accents, day before month, euro signs. Customers come, order at a pace of their own, and some leave.

    python examples/shop/generate.py --out commandes.csv
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

ORDERS, CUSTOMERS, DAYS = 20_000, 3_600, 730
FIRST = date(2024, 1, 2)
_HEAD = "N° commande;N° client;Date d'achat;Rayon préféré;Montant TTC"
_DEPARTMENTS = ("Épicerie", "Crémerie", "Boulangerie", "Pâtisserie", "Cave à vins")


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the file."""
    parser = argparse.ArgumentParser(prog="examples/shop/generate.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("commandes.csv"))
    parser.add_argument("--orders", type=int, default=ORDERS)
    options = parser.parse_args(arguments)
    write_orders(options.out, options.orders)
    return 0


def write_orders(file: Path, orders: int = ORDERS) -> date:
    """Writes the first so many orders of a shop that grows with them; returns the day of the last one."""
    rng, customers = np.random.default_rng(25), CUSTOMERS * orders // ORDERS
    rate, begins = rng.gamma(1.2, 1 / 60, customers), rng.integers(0, 500, customers)
    active = np.minimum(rng.exponential(320, customers), DAYS - begins)
    customer = np.repeat(np.arange(customers), rng.poisson(rate * active) + 1)
    first = np.r_[True, customer[1:] != customer[:-1]]
    day = (begins[customer] + np.where(first, 0, rng.random(len(customer)) * active[customer])).astype(int)
    in_order = np.lexsort((customer, day))[:orders]
    favourite = rng.integers(0, len(_DEPARTMENTS), customers)
    strays, other = rng.random(orders) > 0.7, rng.integers(0, len(_DEPARTMENTS), orders)
    total = rng.lognormal(3.6, 0.8, orders)
    lines = [_HEAD]
    for number, row in enumerate(in_order.tolist()):
        placed = FIRST + timedelta(days=int(day[row]))
        department = _DEPARTMENTS[other[number] if strays[number] else favourite[customer[row]]]
        lines.append(
            f"CMD-{number + 1:05d};{customer[row] + 10_001};{placed:%d/%m/%Y};{department};{euros(total[number])}"
        )
    file.write_text("\n".join([*lines, ""]), encoding="utf-8-sig")
    return FIRST + timedelta(days=int(day[in_order[-1]]))


def euros(amount: float) -> str:
    """An amount as a French till writes it.

    >>> euros(1234.5)
    '1 234,50 €'
    """
    return f"{amount:,.2f}".replace(",", " ").replace(".", ",") + " €"


if __name__ == "__main__":
    raise SystemExit(main())
