"""What this server counts, in Prometheus' text format; labels are templates and codes, never what a caller sent."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric: its name, its sort, what it says and the names of its labels; made once, and equal to no other."""

    name: str
    sort: str
    help: str
    labels: Labels = ()


_SCORED = ("use_case", "version")
HTTP_REQUESTS = Family("http_requests_total", "counter", "Requests answered.", ("route", "method", "status"))
SCORING_ROWS = Family("scoring_rows_total", "counter", "Rows answered, one a use case.", ("use_case", "status"))
SWAPS = Family("swap_total", "counter", "Releases taken into service or refused.", ("use_case", "result"))
SCORING_SECONDS = Family("scoring_seconds", "histogram", "Time to answer one scores request, without the network.")
EXPLAIN_SECONDS = Family("explain_seconds", "histogram", "Time to answer one explanation, without the network.")
MODEL_AGE = Family("model_age_seconds", "gauge", "Time since the served version was released.", ("use_case",))
MODEL_INFO = Family("model_info", "gauge", "The version being served.", ("use_case", "version", "kind"))
WORKER_STARTS = Family("worker_starts_total", "counter", "Workers started, those in place of dead ones included.")
ERASURES_PENDING = Family("erasures_pending", "gauge", "Erased customers whose bytes are still to be written over.")
READY = Family("ready", "gauge", "1 when every use case is served.")
HEALTH_READABLE = Family("penchant_health_readable", "gauge", "1 when what monitoring wrote could be read, 0 if not.")
HEALTH_AGE = Family("penchant_health_age_seconds", "gauge", "Time since the day that monitoring last looked at.")
USE_CASE_STATE = Family("penchant_use_case_state", "gauge", "0 fine, 1 watch, 2 distrust.", ("use_case",))
ALERTS_OPEN = Family("penchant_alerts_open", "gauge", "Alerts that nobody has acknowledged.", ("use_case", "code"))
REALISED_AUC = Family("penchant_realised_roc_auc", "gauge", "Of the last day whose outcome is known.", _SCORED)
REALISED_LOG_LOSS = Family("penchant_realised_log_loss", "gauge", "Of the last day whose outcome is known.", _SCORED)
FAMILIES = (
    HTTP_REQUESTS,
    SCORING_ROWS,
    SWAPS,
    SCORING_SECONDS,
    EXPLAIN_SECONDS,
    MODEL_AGE,
    MODEL_INFO,
    WORKER_STARTS,
    ERASURES_PENDING,
    READY,
    HEALTH_READABLE,
    HEALTH_AGE,
    USE_CASE_STATE,
    ALERTS_OPEN,
    REALISED_AUC,
    REALISED_LOG_LOSS,
)


class Counters:
    """Counters and histograms of one process; whatever thread adds, nothing is lost."""

    def __init__(self) -> None:
        self.counts: dict[tuple[Family, Labels], float] = {}
        self.spread: dict[Family, list[float]] = {}  # one count a bucket, then the sum
        self._lock = Lock()

    def add(self, family: Family, labels: Labels = (), amount: float = 1) -> None:
        """Raises a counter."""
        key = (family, labels)
        with self._lock:
            self.counts[key] = self.counts.get(key, 0) + amount

    def observe(self, family: Family, seconds: float) -> None:
        """Puts a duration into its bucket."""
        bucket = bisect_left(BUCKETS, seconds)
        with self._lock:
            spread = self.spread.setdefault(family, [0.0] * (len(BUCKETS) + 2))
            spread[bucket] += 1
            spread[-1] += seconds

    def include(self, other: Counters) -> None:
        """Adds what another has counted until now."""
        with other._lock:
            counts, spread = other.counts.copy(), {family: values[:] for family, values in other.spread.items()}
        with self._lock:
            for key, value in counts.items():
                self.counts[key] = self.counts.get(key, 0) + value
            for family, values in spread.items():
                known = self.spread.get(family, [0.0] * len(values))
                self.spread[family] = [left + right for left, right in zip(known, values, strict=True)]

    def render(self, gauges: Mapping[tuple[Family, Labels], float]) -> bytes:
        """The page Prometheus reads."""
        values: dict[tuple[Family, Labels], float] = {**self.counts, **gauges}
        lines: list[str] = []
        for family in FAMILIES:
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.sort}"]
            if family.sort == "histogram":
                lines += _histogram(family, self.spread.get(family))
            else:
                lines += [_line(family, labels, value) for (kept, labels), value in values.items() if kept is family]
        return ("\n".join(lines) + "\n").encode()


def _line(family: Family, labels: Labels, value: float) -> str:
    return f"{family.name}{_labels(zip(family.labels, labels, strict=True))} {value:g}"


def _labels(pairs: Iterable[tuple[str, str]]) -> str:
    text = ",".join(f'{name}="{_escape(value)}"' for name, value in pairs)
    return f"{{{text}}}" if text else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _histogram(family: Family, spread: list[float] | None) -> list[str]:
    spread = spread or [0.0] * (len(BUCKETS) + 2)
    lines, total = [], 0.0
    for bound, count in zip((*BUCKETS, float("inf")), spread, strict=False):
        total += count
        shown = "+Inf" if bound == float("inf") else f"{bound:g}"
        lines.append(f'{family.name}_bucket{{le="{shown}"}} {total:g}')
    return [*lines, f"{family.name}_sum {spread[-1]:.9g}", f"{family.name}_count {total:g}"]
