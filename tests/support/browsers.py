"""The machine's Chromium, as tests start it."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import Browser, Playwright

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage")


def chromium(driver: Playwright, *flags: str) -> Browser:
    """A browser started with these flags besides the usual ones."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("These tests drive a real browser: install chromium (`make test` does it where it may).")
    return driver.chromium.launch(executable_path=found, args=[*FLAGS, *flags])
