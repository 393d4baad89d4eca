"""Train, score and explain from Python, by the code of the commands; errors are those of the packages."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from features.spec.feature import CUSTOMER_ID, Row
from features.spec.languages import Language
from features.spec.options import default_home
from penchant.notebook.frames import as_file, as_profile, as_table, like
from scoring.answers.explain import ProfileError, explain_profile
from scoring.answers.score import check_request
from scoring.answers.served_release import Live, open_live
from scoring.batch.table_answers import score_table
from scoring.bundle.families import OTHER_FACTORS
from scoring.population.days import PopulationError, latest_day
from scoring.population.read_days import day_rows
from scoring.privacy.suppression import Suppression, open_suppression
from scoring.segments.assignment import current_policy
from scoring.storage.table_files import ROWS, BatchError

if TYPE_CHECKING:
    from features.config.use_case import UseCase
    from features.config.value_types import TomlTable
    from training.registry.lines import TrainingLine

Home = Path | str | None


def train(
    use_case: Path | str | TomlTable,
    *,
    frame: Any = None,
    home: Home = None,
    promote: Literal["gate", "never", "always"] = "gate",
) -> TrainingLine:
    """Trains one use case as `penchant train` does; returns its line of the training report.

    Args:
        use_case: A TOML file, or what would stand in one; its paths are then taken from the working directory.
        frame: The events or the ready table, in place of the path that the use case gives; kept nowhere.
        home: Where releases and the registry stand; default: PENCHANT_HOME, else .penchant.
        promote: Whether the gate decides what goes into service.

    Raises:
        UseCaseError: The use case is wrong.
        DataError: The data broke its contract.
        NothingLearned: No feature tells the outcome.
        RegistryError: The registry does not answer.
    """
    from training.registry.mlflow_registry import Registry
    from training.train import train as train_use_case

    where = _home(home)
    with tempfile.TemporaryDirectory() as folder:
        data = None if frame is None else as_file(frame, Path(folder) / "frame.parquet")
        return train_use_case(_use_case(use_case, data, where), home=where, registry=Registry(where), mode=promote)


def score(
    frame: Any,
    *,
    use_case: str | Sequence[str],
    home: Home = None,
    reasons: int = 3,
    language: Language = "en",
) -> Any:
    """The scores of a frame's customers as a frame of its kind, with the columns and the bits of `penchant score`.

    Args:
        frame: Features of polars or pandas, one row a customer.
        use_case: A name, or several: then each column has the name before it.
        home: Where the releases stand; default: PENCHANT_HOME, else .penchant.
        reasons: How many a score, 0 to 20.
        language: Of the reasons.

    Raises:
        BatchError: The frame lacks a feature's column, or is none.
        BundleError: There is no such release, or it is not what it was.
        RequestError: `reasons` or `language` is out of range.
        SuppressionError: The suppression list cannot be read.
    """
    where, table = _home(home), as_table(frame)
    live = {name: _live(where, name) for name in ([use_case] if isinstance(use_case, str) else use_case)}
    check_request(live, use_cases=list(live), reasons=reasons, language=language)
    policy, suppression = current_policy(where), open_suppression(where)

    def part(rows: pa.Table, first: int) -> pa.Table:
        return score_table(
            live, rows, first=first, reasons=reasons, language=language, policy=policy, suppression=suppression
        )

    return like(frame, _by_parts(table, part))


def explain(row: Any, *, use_case: str, home: Home = None, language: Language = "en") -> Any:
    """Why a score is what it is: base value and contributions in log-odds, which add up to the probability's.

    Args:
        row: The features of one customer as a mapping or a row of pandas, or a frame of customers.
        use_case: Its name.
        home: Where the releases stand; default: PENCHANT_HOME, else .penchant.
        language: Of the reasons of one customer.

    Returns:
        Of one customer what POST /v1/explanations answers; of a frame a frame of its kind, a row a customer:
        `customer_id`, `status`, `probability`, `base_value`, and `contribution_FEATURE` for each feature that may be
        named, null where the customer is not scored.

    Raises:
        ProfileError: A feature of the one customer breaks a rule, or the customer objected.
        BatchError: A frame or a row lacks a feature, or what is given is neither.
        BundleError: There is no such release, or it is not what it was.
        RequestError: `language` is out of range.
        SuppressionError: The suppression list cannot be read.
    """
    where = _home(home)
    live, suppression = _live(where, use_case), open_suppression(where)
    profile = as_profile(row)
    if profile is None:
        return like(row, _by_parts(as_table(row), partial(_contributions, live, suppression)))
    if suppression and suppression.among({profile["customer_id"]}):
        raise ProfileError([{"code": "opted_out", "detail": "The customer objected to being scored."}])
    return explain_profile(live, {**profile, "features": _of_model(live, profile["features"])}, language=language)


def population(*, as_of: date | str | None = None, home: Home = None) -> Any:
    """The customers of a day as a frame of polars: scores, reasons and segments, as `penchant run` wrote them.

    Whoever objected or was erased since is not in it.

    Args:
        as_of: The day, or the last one before it; default: the latest there is.
        home: Where the days stand; default: PENCHANT_HOME, else .penchant.

    Raises:
        PopulationError: There is no such day.
        SuppressionError: The suppression list cannot be read.
    """
    import polars as pl

    where = _home(home)
    day = latest_day(where, until=date.fromisoformat(as_of) if isinstance(as_of, str) else as_of)
    if day is None:
        raise PopulationError("A population needs a day that was run, there is none; `penchant run` makes it.")
    return pl.from_arrow(day_rows(where, day))


def _of_model(live: Live, features: Row) -> Row:
    """The features that a model reads; as in a frame all must be there, and what else there is does not matter."""
    lacking = sorted(live.scorer.encoder.lacking(features))
    if lacking:
        raise BatchError(f"A row must have every feature, if need be as None, it lacks {', '.join(lacking)}.")
    return {name: features[name] for name in live.scorer.encoder.posted if name in features}


def _use_case(asked: Path | str | TomlTable, data: Path | None, home: Path) -> UseCase:
    """The use case of a file or a mapping; `data` stands in the place of its source."""
    from features.config.use_case import read_toml, use_case_from
    from features.landing.first import landed_use_case

    if data is None and not isinstance(asked, Mapping):
        return landed_use_case(Path(asked), home)
    if isinstance(asked, Mapping):
        file, raw = Path("use-case.toml"), dict(asked)
    else:
        file = Path(asked)
        raw = dict(read_toml(file))
    for name in ("events", "table"):
        if data is not None and isinstance(section := raw.get(name), Mapping):
            raw[name] = {**section, "path": str(data)}
    return use_case_from(raw, file, home)


def _contributions(live: Live, suppression: Suppression | None, table: pa.Table, first: int) -> pa.Table:
    """A part's answers and, of those who are scored, what each feature adds in calibrated log-odds."""
    bundle = live.release.bundle
    answers = score_table({bundle.name: live}, table, first=first, suppression=suppression)
    speaking = np.asarray(answers.column("status").to_pylist(), dtype=object) == "scored"
    matrix = live.scorer.encoder.table(table).matrix[speaking]
    explained = live.scorer.explain(matrix, live.scorer.score(matrix).margin, in_bulk=True)
    found = {"base_value": explained.base_value}
    for feature, added in zip(bundle.features, explained.contributions.T, strict=True):
        name = f"contribution_{OTHER_FACTORS if feature.name in bundle.forbidden else feature.name}"
        found[name] = found.get(name, 0.0) + added
    among = pa.array(np.cumsum(speaking) - 1, mask=~speaking)
    columns = {name: pa.array(values).take(among) for name, values in found.items()}
    return pa.table({name: answers.column(name) for name in (CUSTOMER_ID, "status", "probability")} | columns)


def _by_parts(table: pa.Table, work: Callable[[pa.Table, int], pa.Table]) -> pa.Table:
    """What is made of each part and the number of rows before it, in order; the parts are those of `penchant score`."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = pool.map(lambda first: work(table.slice(first, ROWS), first), range(0, max(len(table), 1), ROWS))
        return pa.concat_tables(parts)


def _live(home: Path, name: str) -> Live:
    """A release that gives its golden rows back."""
    return open_live(home, [name], threads=1)[name]


def _home(home: Home) -> Path:
    return default_home() if home is None else Path(home)
