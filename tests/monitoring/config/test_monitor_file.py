"""HOME/monitor.toml."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path

import pytest

from features.errors import UseCaseError
from monitoring.config.monitor_file import DEFAULT, MONITOR_FILE, MonitorFile, load_monitor_file
from monitoring.state.judge import Limits


def write(home: Path, text: str) -> Path:
    """A home with the file."""
    (home / MONITOR_FILE).write_text(text)
    return home


def test_a_home_without_the_file_gets_one_that_changes_nothing(tmp_path: Path) -> None:
    """Everything in it is a comment; without the signs of comments it is a file that holds, and all it says is so."""
    begun = load_monitor_file(tmp_path)
    text = (tmp_path / MONITOR_FILE).read_text()
    said = "\n".join(line.removeprefix("# ") for line in text.splitlines()[2:])

    assert begun == load_monitor_file(tmp_path) == MonitorFile()
    assert text == DEFAULT
    assert begun.judged_by == Limits()
    full = MonitorFile.model_validate(tomllib.loads(said))
    assert full.limits == begun.limits
    assert (full.alerts.state, full.alerts.cool_down) == (begun.alerts.state, begun.alerts.cool_down)


def test_every_broken_key_is_named_at_once(tmp_path: Path) -> None:
    """With its rule."""
    text = """
    [limits]
    age_days = 0
    rejected_share = 2
    unknown = 1
    [alerts.quiet]
    from = "25:00"
    to = "08:00"
    zone = "Mars/Base"
    [[webhook]]
    secret_env = "A B"
    [email]
    host = "mail"
    from = "nobody"
    to = []
    """
    with pytest.raises(UseCaseError) as refused:
        load_monitor_file(write(tmp_path, text))

    named = [rule.partition(":")[0] for rule in refused.value.broken]
    assert named == [
        "limits.age_days",
        "limits.rejected_share",
        "limits.unknown",
        "alerts.quiet.from",
        "alerts.quiet.zone",
        "webhook.0.secret_env",
        "email.from",
        "email.to",
    ]


@pytest.mark.parametrize(
    "text",
    [
        '[[webhook]]\nsecret_env = "S"\n',
        '[[webhook]]\nsecret_env = "S"\nurl = "https://a.b"\nurl_env = "U"\n',
        '[email]\nhost = "h"\nfrom = "a@b"\nto = ["c@d"]\nuser = "u"\n',
        '[email]\nhost = "h"\nfrom = "a@b"\nto = ["c@d"]\nuser = "u"\npassword_env = "P"\nstarttls = false\n',
        "[alerts",
    ],
    ids=["no address", "two addresses", "no password", "a password in the open", "no TOML"],
)
def test_keys_that_do_not_go_together_are_refused(tmp_path: Path, text: str) -> None:
    """Each with a sentence."""
    with pytest.raises(UseCaseError):
        load_monitor_file(write(tmp_path, text))


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-07-01T17:59:00+00:00", False),
        ("2026-07-01T18:00:00+00:00", True),  # 20:00 in Paris, in summer
        ("2026-07-02T05:59:00+00:00", True),
        ("2026-07-02T06:00:00+00:00", False),
        ("2026-12-01T18:30:00+00:00", False),  # 19:30 in Paris, in winter
    ],
)
def test_quiet_hours_pass_midnight_and_follow_their_zone(tmp_path: Path, moment: str, quiet: bool) -> None:
    """By the clock on the wall there."""
    file = load_monitor_file(write(tmp_path, '[alerts.quiet]\nfrom = "20:00"\nto = "08:00"\nzone = "Europe/Paris"\n'))

    assert file.alerts.quiet is not None
    assert file.alerts.quiet.holds(datetime.fromisoformat(moment)) is quiet
