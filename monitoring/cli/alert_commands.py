"""`penchant monitor ack ID --by NAME`, and what `penchant monitor` says of alerts: exit code 7 while one is open."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from features.errors import UseCaseError
from features.spec.languages import Language
from features.spec.options import EITHER_SIDE, add_shared_options
from monitoring.alerts.goals import goal_progress
from monitoring.alerts.list_goals import list_progress
from monitoring.alerts.settle_alerts import SettledAlerts, settle
from monitoring.config.monitor_file import load_monitor_file
from scoring.audiences.campaign import CampaignError
from scoring.errors import BundleError
from scoring.health.alert_file import AcknowledgeError, Alerts, acknowledge
from scoring.health.health_file import HealthDocument, write_health
from scoring.health.matured_windows import HealthError
from scoring.population.days import PopulationError
from scoring.text.health_reasons import health_action, health_text

DONE, FAILED, USAGE, BAD_DATA, ALERT_OPEN = 0, 1, 2, 3, 7


def alert_about(home: Path, document: HealthDocument, now: datetime) -> tuple[HealthDocument, int]:
    """Brings the alerts of a home up to date with its health, which is written with them.

    Args:
        home: Whose health it is.
        document: As monitoring has just found it.
        now: This moment, with its zone.

    Returns:
        The document with the alerts that stand, and the exit code: 7 while one is open.
    """
    try:
        wanted, day = load_monitor_file(home).goal, date.fromisoformat(document.as_of[:10])
        document = replace(document, goals=(*goal_progress(home), *list_progress(home, wanted, day)))
        settled = settle(home, document, now)
    except UseCaseError as failure:
        print(*(f"{failure.file}: {rule}" for rule in failure.broken), sep="\n", file=sys.stderr)
        return document, USAGE
    except (HealthError, PopulationError, BundleError, CampaignError) as failure:
        print(failure, file=sys.stderr)
        return document, BAD_DATA
    except OSError as failure:
        print(failure, file=sys.stderr)
        return document, FAILED
    document = replace(document, alerts=settled.alerts)
    write_health(home, document)
    for line in delivery_lines(settled):
        print(line, file=sys.stderr)
    return document, ALERT_OPEN if settled.open else DONE


def alert_lines(alerts: Alerts, language: Language = "en") -> Iterator[str]:
    """Two lines for each alert: what it is, and the one thing to do."""
    for alert in alerts:
        about = f"{alert.use_case}: " if alert.use_case else ""
        taken = f", {alert.acknowledged_by}" if alert.acknowledged_by else ""
        yield f"{alert.id} ({alert.state}{taken}) {about}{health_text(alert.what.code, alert.what.values, language)}"
        yield f"  -> {health_action(alert.what.code, alert.use_case, alert.what.values, language)}"


def delivery_lines(settled: SettledAlerts) -> Iterator[str]:
    """What became of messages, where some did not arrive."""
    found = settled.delivered
    if found.waiting:
        yield f"{found.waiting} messages about alerts wait in monitoring/outbox.json and are sent by a later run"
    if found.given_up:
        yield f"{found.given_up} messages about alerts never arrived: see monitoring/dead_letters.jsonl"


def acknowledge_command(words: Sequence[str]) -> int:
    """Runs `ack`; 0 done, 2 no such alert or no name, 3 the file of alerts is damaged."""
    parser = argparse.ArgumentParser(
        prog="penchant monitor ack", description="Takes an alert on, by name.", epilog=EITHER_SIDE
    )
    parser.add_argument("id", metavar="ID", help="of the alert, as `penchant monitor` prints it")
    parser.add_argument("--by", required=True, metavar="NAME", help="who takes it on")
    add_shared_options(parser)
    options = parser.parse_args(words)
    try:
        taken = acknowledge(options.home, options.id, by=options.by, now=datetime.now(UTC))
    except AcknowledgeError as failure:
        print(failure, file=sys.stderr)
        return USAGE
    except HealthError as failure:
        print(failure, file=sys.stderr)
        return BAD_DATA
    except OSError as failure:
        print(failure, file=sys.stderr)
        return FAILED
    print(msgspec.json.encode(taken).decode() if options.json else "\n".join(alert_lines((taken,))))
    return DONE
