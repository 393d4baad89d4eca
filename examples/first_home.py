"""What `make run` leaves in a new home: the examples trained, two days of CDNOW's customers, and contacts made up.

What is there already stays as it is, so that a second time costs nothing.

    python examples/first_home.py --home .penchant
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
RELEASES = ("propensity", "churn", "term-deposit")
DAILY = ("cdnow/propensity.toml", "cdnow/churn.toml")
DAYS = ("1998-04-01", "1998-06-30")  # a quarter apart, so that segments have flows and scores have moved
CONTACTS, CONSENT = "contacts.csv", "consent.csv"
SEED = 20_260_301
AGREED, WITHDREW = 0.7, 0.05  # shares of all customers, and of those who had agreed


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes what is missing of a home; the exit code of the command that failed, else 0."""
    parser = argparse.ArgumentParser(prog="examples/first_home.py", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args(arguments).home
    try:
        _make(home)
    except subprocess.CalledProcessError as failure:
        return failure.returncode  # it has said what is wrong
    return 0


def _make(home: Path) -> None:
    trained = all((home / "releases" / name / "CURRENT").exists() for name in RELEASES)
    _begin_run_file(home, DAILY if trained else ())
    if not trained:
        _call("training", home)
    for day in DAYS:
        if not (home / "population" / day / "manifest.json").exists():
            print(f"\nAll customers as of {day}:", file=sys.stderr, flush=True)  # noqa: T201 a command's own words
            _call("penchant", home, "run", "--as-of", day)
    if not (home / "segments" / "contacts.json").exists():
        contacts, consent = _write_contacts(home / "contacts", _customers(home))
        _call("scoring", home, "contacts", str(contacts), "--email", "email", "--consent-table", str(consent))


def _begin_run_file(home: Path, released: Sequence[str]) -> None:
    """Says how long to keep days; a first training adds its use case, for one of long ago it is done here."""
    file = home / "run.toml"
    if file.exists():
        return
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    entries = [f"\n[[use_case]]\nfile = {json.dumps(str(FOLDER / name))}\n" for name in released]
    file.write_text("".join([(FOLDER / "run.toml").read_text(encoding="utf-8"), *entries]), encoding="utf-8")
    file.chmod(0o600)


def _customers(home: Path) -> list[str]:
    import pyarrow.parquet as pq

    parts = sorted((home / "population" / DAYS[-1]).glob("part-*.parquet"))
    return sorted(name for part in parts for name in pq.read_table(part, columns=["customer_id"])[0].to_pylist())


def _write_contacts(folder: Path, customers: Sequence[str]) -> tuple[Path, Path]:
    """Addresses that reach nobody, and who agreed to mail: for each customer at random, by a seed."""
    chance = random.Random(SEED)  # noqa: S311 no secret: the same file each time
    contacts = ["customer_id,email"]
    consent = ["customer_id,channel,purpose,granted_at,withdrawn_at,source,text_version"]
    for customer in customers:
        contacts.append(f"{customer},customer-{customer}@example.com")
        if chance.random() < AGREED:
            withdrawn = "1998-03-02T09:00:00Z" if chance.random() < WITHDREW else ""
            consent.append(f"{customer},email,marketing,1997-04-01T10:00:00Z,{withdrawn},order form,1")
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, lines in ((CONTACTS, contacts), (CONSENT, consent)):
        (folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
        (folder / name).chmod(0o600)
    return folder / CONTACTS, folder / CONSENT


def _call(module: str, home: Path, *more: str) -> None:
    subprocess.run([sys.executable, "-m", module, *more, "--home", str(home)], cwd=FOLDER.parent, check=True)


if __name__ == "__main__":
    sys.exit(main())
