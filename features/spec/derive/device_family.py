"""The family of device that a user agent names: few rules, each reviewed, tried in order."""

from __future__ import annotations

import re

_RULES: tuple[tuple[str, str], ...] = (  # family, what is in its user agents; the first that fits holds
    ("robot", r"bot\b|bot/|crawl|spider|slurp|headless|curl/|wget/|python-|java/"),
    ("television", r"smart-?tv|hbbtv|apple ?tv|google ?tv|android tv|web0s|tizen.*tv|bravia|\baft[a-z]|roku"),
    ("console", r"playstation|xbox|nintendo"),
    ("ipad", r"ipad|macintosh.*mobile/"),  # an iPad that asks for pages of computers still says Mobile in apps
    ("iphone", r"iphone|ipod"),
    ("windows_phone", r"windows phone|iemobile"),  # it also says Android
    ("android_tablet", r"kindle|silk/(?!.*mobile)|android(?!.*mobile)"),
    ("android_phone", r"android"),
    ("chromebook", r"\bcros\b"),
    ("windows", r"windows|win64|win32"),
    ("mac", r"macintosh|mac os x"),
    ("linux", r"linux|x11|ubuntu"),
)
_rules = tuple((family, re.compile(pattern, re.IGNORECASE)) for family, pattern in _RULES)


def device_family(user_agent: object) -> str | None:
    """The family, `other` where no rule knows it; None where there is no text.

    >>> device_family("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148")
    'iphone'
    >>> device_family("Mozilla/5.0 (Linux; Android 14; SM-X210) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36")
    'android_tablet'
    """
    if not isinstance(user_agent, str) or not user_agent.strip():
        return None
    return next((family for family, rule in _rules if rule.search(user_agent)), "other")
