"""The findings of a training, on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoring.text.findings import FindingText, finding_text
from serving.console.web.i18n import Texts


def findings(manifest: Mapping[str, Any], texts: Texts) -> list[FindingText] | None:
    """The findings a bundle carries; None for a version that carries none of its own."""
    if "findings" not in manifest:
        return None
    return [finding_text(finding, texts.language) for finding in manifest["findings"]]
