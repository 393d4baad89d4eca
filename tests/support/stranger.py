"""A stranger's shop: 20,000 orders as a French till exports them, with semicolons, accents and euro signs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

ORDERS, CUSTOMERS, DAYS = 20_000, 3_600, 730
FIRST = date(2024, 1, 2)
_HEAD = "N° commande;N° client;Date d'achat;Rayon préféré;Montant TTC"
_DEPARTMENTS = ("Épicerie", "Crémerie", "Boulangerie", "Pâtisserie", "Cave à vins")


def write_orders(file: Path) -> date:
    """Writes the log; returns the day of its last order.

    Customers come, order at a pace of their own, keep to a favourite department, and some leave.
    """
    rng = np.random.default_rng(25)
    rate, begins = rng.gamma(1.2, 1 / 60, CUSTOMERS), rng.integers(0, 500, CUSTOMERS)
    active = np.minimum(rng.exponential(320, CUSTOMERS), DAYS - begins)
    customer = np.repeat(np.arange(CUSTOMERS), rng.poisson(rate * active) + 1)
    first = np.r_[True, customer[1:] != customer[:-1]]
    day = (begins[customer] + np.where(first, 0, rng.random(len(customer)) * active[customer])).astype(int)
    in_order = np.lexsort((customer, day))[:ORDERS]
    favourite = rng.integers(0, len(_DEPARTMENTS), CUSTOMERS)
    strays, other = rng.random(ORDERS) > 0.7, rng.integers(0, len(_DEPARTMENTS), ORDERS)
    total = rng.lognormal(3.6, 0.8, ORDERS)
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
