"""What was measured, and the ratios that are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from benchmarks.contenders import BLEND
from benchmarks.files import Cost
from benchmarks.load import Run

BANK, WIDE = "bank example", "generated, 40 columns"  # the tables of 3,000 rows that are trained


@dataclass(frozen=True)
class Sample:
    """One contender in one round."""

    cpu: float  # seconds a request, of the server's whole tree
    run: Run


@dataclass(frozen=True)
class Measured:
    """Our batch or training and what stands beside it, in turn."""

    ours: Cost
    bare: Cost


@dataclass(frozen=True)
class BulkReasons:
    """What three reasons for each of very many rows cost, and Shapley values by others, without a word."""

    rows: int
    ours: Cost
    plain: Cost  # without reasons
    bare: Cost  # reading, a bare predict, writing
    woodelf: Cost | None  # its preparation included; None: it could not be installed
    contribs: Cost | None  # xgboost's own
    contribs_rows: int

    def against_woodelf(self) -> float | None:
        """What reasons add to our command, texts and all, against what its values add to reading and writing."""
        if self.woodelf is None:
            return None
        return _added(self.ours, self.plain) / _added(self.woodelf, self.bare)

    def against_plain(self) -> float:
        """Our whole command, against itself without reasons."""
        return self.ours.cpu_seconds / self.plain.cpu_seconds


def _added(whole: Cost, without: Cost) -> float:
    return whole.cpu_seconds - without.cpu_seconds


@dataclass
class Results:
    """All figures of one run."""

    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)  # by contender and connections
    starts: dict[str, list[float]] = field(default_factory=dict)  # processor seconds by server
    memory: dict[str, dict[int, int]] = field(default_factory=dict)  # bytes by server and process
    batch: list[Measured] = field(default_factory=list)
    reasons: BulkReasons | None = None
    large: Cost | None = None  # ten times the rows
    trainings: dict[str, list[Measured]] = field(default_factory=dict)  # by table
    rows: int = 0

    def add(self, name: str, connections: int, sample: Sample) -> None:
        """Keeps a sample."""
        self.samples.setdefault((name, connections), []).append(sample)

    def cpu(self, name: str, connections: int = 1) -> list[float]:
        """Processor seconds a request, round by round."""
        return [sample.cpu for sample in self.samples.get((name, connections), ())]


@dataclass(frozen=True)
class Ratio:
    """One line of the table: what was asked, and what was found."""

    what: str
    must: float
    aim: float
    found: float | None  # None: not measured in this run

    @property
    def verdict(self) -> str:
        """How the ratio stands to what was asked."""
        if self.found is None:
            return "not measured"
        return "aim met" if self.found <= self.aim else "must met" if self.found <= self.must else "missed"


def ratios(results: Results) -> list[Ratio]:
    """Every ratio asked for; of CPU ratios the median over rounds, at the worse of the two concurrencies."""
    score, reasons = "Penchant, score", "Penchant, score + 3 reasons"
    floor = ("starlette + inplace_predict by hand (the floor)", "no-op @bentoml.api")
    return [
        Ratio(
            "score, CPU against BentoML's quickstart",
            0.085,
            0.07,
            _worst(results, score, "BentoML quickstart with pandas"),
        ),
        Ratio("score by a blend, CPU against its trees alone", 1.25, 1.1, _worst(results, BLEND, score)),
        Ratio("score, CPU against floor + no-op `@bentoml.api`", 1.3, 1.0, _worst(results, score, *floor)),
        Ratio(
            "score + 3 reasons, CPU against BentoML + TreeExplainer",
            0.13,
            0.10,
            _worst(results, reasons, "BentoML + shap.TreeExplainer"),
        ),
        Ratio(
            "score + 3 reasons, CPU against FastAPI + `pred_contribs`",
            1.15,
            1.0,
            _worst(results, reasons, "FastAPI + pydantic + pred_contribs"),
        ),
        Ratio(
            "1,000 profiles as JSON, CPU against `mlflow models serve`",
            0.45,
            0.3,
            _worst(results, "Penchant, 1,000 profiles", "mlflow models serve, 1,000 profiles"),
        ),
        Ratio("batch, CPU against reading + bare predict + writing", 1.1, 1.03, _batch_cpu(results)),
        *_reasons(results.reasons),
        Ratio("batch of ten times the rows, peak memory", 1.15, 1.0, _batch_memory(results)),
        Ratio("start-up CPU against BentoML's quickstart", 0.5, 0.35, _starts(results)),
        Ratio("memory of one worker against the quickstart", 0.7, 0.5, _memory(results)),
        *(
            Ratio(f"training, 3,000 rows ({table}), CPU against `xgboost.train` + MLflow's autolog", 1.0, 0.7, found)
            for table, found in _trainings(results).items()
        ),
    ]


def _worst(results: Results, ours: str, *theirs: str) -> float | None:
    found = [
        median(mine / sum(others) for mine, *others in zip(*cpus, strict=True))
        for connections in (1, 32)
        if all(cpus := [results.cpu(name, connections) for name in (ours, *theirs)])
    ]
    return max(found, default=None)


def _reasons(found: BulkReasons | None) -> list[Ratio]:
    woodelf = "3 reasons in a batch, 200,000 rows, CPU they add against WOODELF's values alone"
    plain = "batch with 3 reasons, 200,000 rows, CPU against the batch without"
    return [
        Ratio(woodelf, 0.4, 0.25, found.against_woodelf() if found else None),
        Ratio(plain, 20.0, 12.0, found.against_plain() if found else None),
    ]


def _batch_cpu(results: Results) -> float | None:
    return _cpu_ratio(results.batch) if results.batch else None


def _batch_memory(results: Results) -> float | None:
    return results.large.peak_bytes / results.batch[-1].ours.peak_bytes if results.large else None


def _trainings(results: Results) -> dict[str, float | None]:
    """By table; of either table that was not measured, None."""
    return {
        table: _cpu_ratio(results.trainings[table]) if table in results.trainings else None for table in (BANK, WIDE)
    }


def _cpu_ratio(pairs: list[Measured]) -> float:
    return median(pair.ours.cpu_seconds / pair.bare.cpu_seconds for pair in pairs)


def _starts(results: Results) -> float | None:
    if not results.starts:
        return None
    return median(a / b for a, b in zip(results.starts["penchant"], results.starts["quickstart"], strict=True))


def _memory(results: Results) -> float | None:
    if not {"penchant", "quickstart"} <= results.memory.keys():
        return None
    return max(results.memory["penchant"].values()) / max(results.memory["quickstart"].values())
