"""The findings of a training, on a page."""

from __future__ import annotations

from scoring.bundle.manifest import Manifest
from scoring.text.findings import FindingText, finding_text
from serving.console.web.i18n import Texts


def findings(manifest: Manifest, texts: Texts) -> list[FindingText] | None:
    """The findings a bundle carries; None for a version that carries none of its own."""
    if manifest.findings is None:
        return None
    return [finding_text(finding, texts.language) for finding in manifest.findings]
