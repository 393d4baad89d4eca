"""Sizes, moves and means of the segments on the day in service, as a table to read and to take away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scoring.privacy.suppression import SuppressionError
from scoring.segments.policy import Segment
from serving.console.views.named_features import NamedFeature, named_features
from serving.console.web.i18n import Texts
from serving.worker.request_context import RequestContext

if TYPE_CHECKING:
    import pyarrow as pa

    from scoring.population.segment_table import SegmentFigures, SegmentTable


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One segment."""

    segment: Segment
    size: int
    share: float  # of all customers of the day, 0..1
    entered: int | None
    left: int | None
    means: Sequence[str]  # as shown, in the order of the board's columns
    use_case: str  # one that has scores of its members; empty where none has


@dataclass(frozen=True, slots=True)
class SegmentBoard:
    """All segments in the order of their rules."""

    as_of: str  # ISO date
    before: str | None
    customers: int
    columns: Sequence[str]  # what the means are of
    headings: Sequence[str]  # the same as a file heads them
    lines: Sequence[BoardLine]
    rows: Sequence[Sequence[float | None]]  # the means as numbers, a line each; probabilities in percent


def segment_board(context: RequestContext, texts: Texts) -> SegmentBoard | None:
    """The board; None where no day can be read, or it was placed by other segments. Reads files: not on the loop."""
    from scoring.population.days import PopulationError  # only a server that is asked for customers needs pyarrow
    from scoring.population.segment_table import segment_table

    try:
        table = segment_table(context.runtime.settings.home)
    except (PopulationError, SuppressionError, OSError):
        return None
    return _Board(table, context, texts).made() if table.policy == context.snapshot.policy.version else None


def board_table(board: SegmentBoard, texts: Texts) -> pa.Table:
    """The board's rows as a file has them, with its headings."""
    import pyarrow as pa

    labels = [line.segment.labels[texts.language] for line in board.lines]
    columns: dict[str, list[str] | list[int] | list[int | None] | list[float] | list[float | None]] = {
        texts["segment"]: labels,
        texts["code"]: [line.segment.code for line in board.lines],
        texts["size"]: [line.size for line in board.lines],
        texts.of("in_percent", name=texts["share"]): [round(100 * line.share, 4) for line in board.lines],
    }
    if board.before:
        columns[texts["entered"]] = [line.entered for line in board.lines]
        columns[texts["left"]] = [line.left for line in board.lines]
    for place, name in enumerate(board.headings):
        columns[name] = [row[place] for row in board.rows]
    return pa.table(columns)


@dataclass(frozen=True, slots=True)
class _Board:
    table: SegmentTable
    context: RequestContext
    texts: Texts

    def made(self) -> SegmentBoard:
        served, policy = self.context.snapshot.served, self.context.snapshot.policy
        known = named_features(served, self.texts)
        features = {name: known[name] for name in self.table.features if name in known}
        names = [name for name in next(iter(self.table.segments.values())).probabilities if name in served]
        lines = [one for one in policy.ordered if one.code in self.table.segments]
        figures = [self.table.segments[one.code] for one in lines]
        probabilities = [self.texts.of("mean_probability", name=self._titled(name)) for name in names]
        labels = [feature.name for feature in features.values()]
        return SegmentBoard(
            self.table.as_of.date().isoformat(),
            self.table.before.date().isoformat() if self.table.before else None,
            self.table.customers,
            [*probabilities, *labels],
            [
                *(self.texts.of("in_percent", name=name) for name in probabilities),
                *(self.texts.of("mean_of", name=label) for label in labels),
            ],
            [self._line(one, figure, names, features) for one, figure in zip(lines, figures, strict=True)],
            [_numbers(figure, names, features) for figure in figures],
        )

    def _line(
        self, segment: Segment, figures: SegmentFigures, names: Sequence[str], features: Mapping[str, NamedFeature]
    ) -> BoardLine:
        shares = [figures.probabilities[name] for name in names]
        means = ["—" if share is None else self.texts.percent(share) for share in shares]
        means += [self._mean(feature, figures.means[name]) for name, feature in features.items()]
        share = figures.size / self.table.customers if self.table.customers else 0.0
        scored = next((name for name in names if figures.probabilities[name] is not None), "")
        return BoardLine(segment, figures.size, share, figures.entered, figures.left, means, scored)

    def _mean(self, feature: NamedFeature, mean: float | None) -> str:
        if mean is None:
            return "—"
        if feature.feature.type == "boolean":
            return self.texts.percent(mean)
        return feature.shown(mean if feature.feature.unit == "share" else round(mean, 1))

    def _titled(self, name: str) -> str:
        return self.context.snapshot.served[name].release.bundle.manifest.titled(self.texts.language)


def _numbers(figures: SegmentFigures, names: Sequence[str], features: Mapping[str, NamedFeature]) -> list[float | None]:
    shares = [figures.probabilities[name] for name in names]
    means = [figures.means[name] for name in features]
    values = [*(None if share is None else 100 * share for share in shares), *means]
    return [None if value is None else round(value, 4) for value in values]
