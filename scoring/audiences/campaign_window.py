"""Within which span answers count, when a campaign's outcomes are known, and when it is to be looked at."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from scoring.audiences.campaign import Campaign
from scoring.bundle.manifest import Manifest

_UNITS = {"d": timedelta(days=1), "w": timedelta(weeks=1)}


def predicted_answers(manifest: Manifest | None) -> tuple[str | None, str | None]:
    """Within which window which event is an answer where nobody says: the span and the event that are predicted."""
    if manifest is None or manifest.windows is None:
        return None, None
    return f"{manifest.windows.prediction}d", manifest.label.event if manifest.label else None


def window_end(campaign: Campaign) -> datetime | None:
    """The last moment at which an answer counts, UTC; None where no window was stated."""
    if campaign.window is None:
        return None
    return campaign.made + int(campaign.window[:-1]) * _UNITS[campaign.window[-1]]


def planned_look(campaign: Campaign) -> datetime | None:
    """From when on its effect may be looked at once: the date that was planned, not before the window has ended.

    Without a date it is the end of the window; without either None: it was never planned.
    """
    end = window_end(campaign)
    if campaign.planned_look is None:
        return end
    planned = datetime.combine(campaign.planned_look, time.min, UTC)
    return max(planned, end) if end else planned
