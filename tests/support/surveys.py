"""A survey with free texts: some words tell who leaves, some few customers use, some name people."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl

GOOD = ["Très satisfait de la livraison rapide", "Produit conforme, rien à dire", "Great service, thank you"]
BAD = ["Le retard est inacceptable", "Colis perdu, remboursement demandé !", "Delivery late again and no refund"]
RARE = "zygomorphe"  # of fewer than twenty customers, all of whom leave
NEVER = (RARE, "kowalski", "jeanne", "dupont", "0612345678", "grossesse")  # in no artefact
USE_CASE = """name = "survey"
polarity = "negative"
candidate = "logit"
[table]
path = "survey.csv"
label = "left"
positive = 1
customer_id = "client"
[texts]
columns = ["comment"]
"""


def survey_rows(count: int = 1200) -> pl.DataFrame:
    """A row a customer; every seventh wrote nothing."""
    chance = random.Random(3)
    rows = []
    for number in range(count):
        left = chance.random() < 0.4
        text = chance.choice(BAD if chance.random() < (0.8 if left else 0.2) else GOOD)
        text += f" {RARE}" if left and number < 40 else ""
        text += " Signé Kowalski" if left else ""
        text += " jeanne me rappelle" if left and number % 3 == 0 else ""
        text += " j.dupont@example.com 0612345678" if number % 5 == 0 else ""
        text += " depuis ma grossesse" if left and number % 4 == 0 else ""
        visits = max(0, int(chance.gauss(4 if left else 7, 3)))
        rows.append((f"c{number}", None if number % 7 == 6 else text, visits, int(left)))
    return pl.DataFrame(rows, ["client", "comment", "visits", "left"], orient="row")


def write_survey(folder: Path) -> Path:
    """The rows and the use case; returns its file."""
    survey_rows().write_csv(folder / "survey.csv")
    file = folder / "survey.toml"
    file.write_text(USE_CASE, encoding="utf-8")
    return file
