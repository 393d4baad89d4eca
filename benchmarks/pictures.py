"""`python -m benchmarks.pictures`: the pictures of the README, taken of the home that `make run` leaves.

Each is what a person sees who opens the page in Chromium; pictures are written in few colours, so that they stay small.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks.pages import ROOT, server

FOLDER = ROOT / "docs" / "screenshots"
COLOURS = 64
CUSTOMERS = "/console/customers?use_case=churn"


def _first_customer(page: Page) -> None:
    """Opens the first of the list."""
    page.click("[data-customer] button >> nth=0")
    page.wait_for_selector("[data-use-case]")


def _counted_list(page: Page) -> None:
    """Counts the list that the form offers."""
    page.click("form:has(#top) button")
    page.wait_for_selector("[data-list]")


@dataclass(frozen=True, slots=True)
class Picture:
    """A page, how it is looked at, and what is done on it before."""

    path: str
    width: int = 1280
    height: int = 1000
    language: str = "en"
    part: str | None = None  # a selector; None: the window
    before: Callable[[Page], None] | None = None


PICTURES = {
    "customers": Picture(CUSTOMERS),
    "customer": Picture(CUSTOMERS, before=_first_customer),
    "list-fr": Picture(CUSTOMERS, language="fr", part="#list", before=_counted_list),
    "segments": Picture("/console/segments", width=1600),
    "model": Picture("/console/models/churn"),
    "planner-fr": Picture("/console/models/churn", language="fr", part="#planner"),
    "customer-fr-phone": Picture(CUSTOMERS, width=375, height=900, language="fr", before=_first_customer),
}


def main() -> int:
    """Takes all pictures, or those named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []], help="which (default: all)")
    parser.add_argument("--home", type=Path, default=Path(".penchant"), help="of `make run` (default: %(default)s)")
    options = parser.parse_args()
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with (
        tempfile.TemporaryDirectory() as scratch,
        server(options.home, Path(scratch)) as (_, address),
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        for name in options.names or PICTURES:
            _save(_taken(browser, address, PICTURES[name]), FOLDER / f"{name}.png")
        browser.close()
    return 0


def _taken(browser: Browser, address: str, picture: Picture) -> bytes:
    """A picture as PNG."""
    window: ViewportSize = {"width": picture.width, "height": picture.height}
    page = browser.new_page(viewport=window, locale={"en": "en-GB", "fr": "fr-FR"}[picture.language])
    joined = "&" if "?" in picture.path else "?"
    page.goto(f"{address}{picture.path}{joined}language={picture.language}")
    if picture.before:
        picture.before(page)
    taken = page.locator(picture.part).screenshot() if picture.part else page.screenshot()
    page.close()
    return taken


def _save(taken: bytes, file: Path) -> None:
    image = Image.open(io.BytesIO(taken)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.relative_to(ROOT)}: {image.width} x {image.height}, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    raise SystemExit(main())
