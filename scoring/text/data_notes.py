"""The notes on the data a version was made from, in the reader's language."""

from __future__ import annotations

from features.spec.feature import NoteRecord
from features.spec.languages import Language
from scoring.text.messages import shown, texts


def note_text(note: NoteRecord, language: Language) -> str:
    """A note of the data report as a sentence: English as it was written, French by its figures.

    Raises:
        KeyError: The rule has no message.
    """
    detail = note["detail"]
    if language == "en":
        return f"{detail[0].upper()}{detail[1:]}."
    figures = {name: shown(name, figure, language) for name, figure in note["figures"].items()}
    text = texts(language)[f"noted_{note['rule']}"].format(**figures)
    return f"{log} : {text}" if (log := note["figures"].get("log")) else text
