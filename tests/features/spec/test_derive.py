"""What is derived from a postcode, a user agent and a declared home is what its rule says, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec.derive.device_family import device_family
from features.spec.derive.french_department import french_department
from features.spec.derive.nearest_shop import Shop, nearest_shop

SHOPS: list[Shop] = [
    {"name": "Lyon", "latitude": 45.7640, "longitude": 4.8357},
    {"name": "Paris", "latitude": 48.8566, "longitude": 2.3522},
]

NOWHERE: list[tuple[object, object]] = [(91, 2), (0, 0), ("x", 2), (None, 2), (True, 2)]


@pytest.mark.parametrize(
    ("postcode", "code"),
    [
        *[("01000", "01"), (1000, "01"), (75011.0, "75"), ("95880", "95"), ("F-33000", "33"), (" 69 003 ", "69")],
        *[("20000", "2A"), ("20190", "2A"), ("20200", "2B"), ("20620", "2B"), (20137, "2A")],
        *[("97110", "971"), ("97133", "977"), ("97150", "978"), ("97232", "972"), ("97354", "973"), ("97490", "974")],
        *[("97500", "975"), ("97600", "976"), ("98600", "986"), ("98714", "987"), ("98800", "988")],
        *[("98000", None), ("96000", None), ("00100", None), ("97900", None), ("20900", None), ("75", None)],
        *[("B-1000 Bruxelles", None), ("SW1A 1AA", None), ("", None), (None, None), (True, None), ("123456", None)],
    ],
)
def test_a_postcode_gives_its_departement(postcode: object, code: str | None) -> None:
    """Corsica is 2A and 2B, overseas has three digits, what is no French postcode gives nothing."""
    assert french_department(postcode) == code


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 Version/17.5 Mobile/15E148", "iphone"),
        ("Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Version/16.6 Mobile/15E148", "ipad"),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126 Mobile Safari/537.36",
            "android_phone",
        ),
        ("Mozilla/5.0 (Linux; Android 14; SM-X210) AppleWebKit/537.36 Chrome/126 Safari/537.36", "android_tablet"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126 Safari/537.36", "windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15", "mac"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/126 Safari/537.36", "chromebook"),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "linux"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 TV Safari/537.36", "television"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "robot"),
        ("Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15", "console"),
        ("MyApp/3.1", "other"),
        (" ", None),
        (None, None),
        (17, None),
    ],
)
def test_a_user_agent_gives_its_family_of_device(agent: object, family: str | None) -> None:
    """By rules that are tried in order; what none knows is other."""
    assert device_family(agent) == family


def test_the_nearest_shop_is_the_nearest() -> None:
    """From a declared home, as numbers or as text; nowhere on earth is nowhere."""
    assert nearest_shop(45.75, 4.85, SHOPS) == ("Lyon", 1.9)
    assert nearest_shop("48,86", "2.35", SHOPS) == ("Paris", 0.4)
    assert [nearest_shop(home[0], home[1], SHOPS) for home in NOWHERE] == [None] * 5


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_no_shop_is_nearer_than_the_nearest(latitude: float, longitude: float) -> None:
    """Whichever order the shops stand in, and never farther than half around the earth."""
    found, again = nearest_shop(latitude, longitude, SHOPS), nearest_shop(latitude, longitude, SHOPS[::-1])

    if found is None or again is None:
        assert (latitude, longitude) == (0, 0)
    else:
        assert found[1] == again[1] <= 20_016
