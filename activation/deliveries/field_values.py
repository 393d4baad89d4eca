"""What leaves of each member: score, band, segment, the reasons in words, the next step; nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa

from activation.deliveries.destination_file import AudienceSection, FieldName
from features.spec.languages import Language
from scoring.answers.served_release import Live
from scoring.audiences.snapshot import SegmentSnapshot
from scoring.reasons.sentences import text_of
from scoring.releases.store import load_release
from scoring.segments.assignment import current_policy

_REASONS = 3
Column = list[str | float | int | None]


def field_columns(
    home: Path, snapshot: SegmentSnapshot, rows: Sequence[int], audience: AudienceSection, use_case: str
) -> dict[str, Column]:
    """A column of values of some rows by the destination's own name of each field.

    Raises:
        BundleError: What scored the day is gone, and reasons or a next step are asked for.
    """
    taken = snapshot.rows.take(pa.array(rows, pa.int64()))
    made: Mapping[FieldName, Column] = {}
    worded = f"{use_case}_reason_1_text" in taken.column_names
    live = None
    if "next_step" in audience.fields or ("reasons" in audience.fields and not worded):
        live = Live(load_release(home, use_case, threads=1))
    for name in audience.fields:
        made = {**made, name: _column(home, taken, name, audience, use_case, live)}
    return {audience.fields[name]: column for name, column in made.items()}


def _column(
    home: Path, rows: pa.Table, name: FieldName, audience: AudienceSection, use_case: str, live: Live | None
) -> Column:
    if name in ("score", "band"):
        return rows.column(f"{use_case}_{name}").to_pylist()
    segments = codes_of(rows)
    if name == "segment":
        return [segment or audience.segment for segment in segments]
    if name == "reasons" or live is None:
        return _reasons(rows, use_case, live, audience.language)
    policy, bands = current_policy(home), rows.column(f"{use_case}_band").to_pylist()
    by_band = {band["code"]: band.get("action") for band in live.bands[audience.language]}
    steps = [policy.action(code, audience.language) for code in segments]
    return [step or by_band.get(band) for step, band in zip(steps, bands, strict=True)]


def codes_of(rows: pa.Table) -> list[str | None]:
    """The segment that an answer would name of each row."""
    paths, also = (rows.column(name).to_pylist() for name in ("path", "also"))
    return [next(iter([*(path or [])[-1:], *(others or [])]), None) for path, others in zip(paths, also, strict=True)]


def _reasons(rows: pa.Table, use_case: str, live: Live | None, language: Language) -> Column:
    """The sentences of each row's reasons, joined; those that the snapshot has in words as they are."""

    @cache
    def worded(feature: str, cell: str | None) -> str | None:
        return text_of(live.release.bundle, feature, cell, language) if live else None

    found: list[list[str]] = [[] for _ in range(len(rows))]
    for rank in range(1, _REASONS + 1):
        stem = f"{use_case}_reason_{rank}"
        if f"{stem}_text" in rows.column_names:
            texts = rows.column(f"{stem}_text").to_pylist()
        elif f"{stem}_feature" in rows.column_names:
            cells = rows.column(f"{stem}_value").cast(pa.string()).to_pylist()
            features = rows.column(f"{stem}_feature").to_pylist()
            texts = [worded(one, cell) if one else None for one, cell in zip(features, cells, strict=True)]
        else:
            break
        for row, text in enumerate(texts):
            found[row] += [text] if text else []
    return ["; ".join(sentences) or None for sentences in found]
