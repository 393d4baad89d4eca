"""What this server counts, in Prometheus' text format; labels are templates and codes, never what a caller sent.

Every name begins with `penchant_`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
SCORE_BUCKETS = (5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 100.0)  # 100 times the probability
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric: its name, its sort, what it says and the names of its labels; made once, and equal to no other."""

    name: str
    sort: str
    help: str
    labels: Labels = ()
    bounds: tuple[float, ...] = BUCKETS  # of a histogram's buckets, rising


_SCORED = ("use_case", "version")
HTTP_REQUESTS = Family("penchant_http_requests_total", "counter", "Requests answered.", ("route", "method", "status"))
SCORING_ROWS = Family(
    "penchant_scoring_rows_total", "counter", "Rows answered, one a use case.", ("use_case", "status")
)
SWAPS = Family("penchant_swap_total", "counter", "Releases taken into service or refused.", ("use_case", "result"))
SCORING_SECONDS = Family(
    "penchant_scoring_seconds", "histogram", "Time to answer one scores request, without the network."
)
EXPLAIN_SECONDS = Family(
    "penchant_explain_seconds", "histogram", "Time to answer one explanation, without the network."
)
SCORES = Family(
    "penchant_scores", "histogram", "Scores over HTTP, 0 to 100, counted twice a minute.", ("use_case",), SCORE_BUCKETS
)
MODEL_AGE = Family("penchant_model_age_seconds", "gauge", "Time since the served version was released.", ("use_case",))
MODEL_INFO = Family("penchant_model_info", "gauge", "The version being served.", ("use_case", "version", "kind"))
WORKER_STARTS = Family(
    "penchant_worker_starts_total", "counter", "Workers started, those in place of dead ones included."
)
ERASURES_PENDING = Family(
    "penchant_erasures_pending", "gauge", "Erased customers whose bytes are still to be written over."
)
READY = Family("penchant_ready", "gauge", "1 when every use case is served.")
DAY_AGE = Family("penchant_day_age_seconds", "gauge", "Time since the moment that the day in service is of.")
DAY_ROWS = Family("penchant_day_rows", "gauge", "Customers of the day in service.", ("use_case", "status"))
DAY_BANDS = Family("penchant_day_bands", "gauge", "Scored customers of the day in service.", ("use_case", "band"))
HEALTH_READABLE = Family("penchant_health_readable", "gauge", "1 when what monitoring wrote could be read, 0 if not.")
HEALTH_AGE = Family("penchant_health_age_seconds", "gauge", "Time since the day that monitoring last looked at.")
USE_CASE_STATE = Family("penchant_use_case_state", "gauge", "0 fine, 1 watch, 2 distrust.", ("use_case",))
ALERTS_OPEN = Family("penchant_alerts_open", "gauge", "Alerts that nobody has acknowledged.", ("use_case", "code"))
REALISED_AUC = Family("penchant_realised_roc_auc", "gauge", "Of the last day whose outcome is known.", _SCORED)
REALISED_LOG_LOSS = Family("penchant_realised_log_loss", "gauge", "Of the last day whose outcome is known.", _SCORED)
_STREAM, _WORKER = ("stream",), ("stream", "worker")
STREAM_STATE = Family("penchant_stream_state", "gauge", "0 running, 1 paused, 2 stopped or silent.", _WORKER)
STREAM_SIGN_AGE = Family("penchant_stream_sign_age_seconds", "gauge", "Time since a worker's last sign.", _WORKER)
STREAM_LAG = Family("penchant_stream_lag", "gauge", "Messages that the stream has not read yet.", _WORKER)
STREAM_OLDEST = Family(
    "penchant_stream_oldest_seconds", "gauge", "Age of the oldest event of the last batch when taken in.", _WORKER
)
STREAM_BATCH = Family("penchant_stream_batch", "gauge", "Messages of the last batch.", _WORKER)
STREAM_APPLIED = Family("penchant_stream_applied_total", "counter", "Events taken in.", _WORKER)
STREAM_DUPLICATES = Family("penchant_stream_duplicates_total", "counter", "Messages that had come before.", _WORKER)
STREAM_REDELIVERED = Family("penchant_stream_redelivered_total", "counter", "Messages handed out again.", _WORKER)
STREAM_PUBLISHED = Family("penchant_stream_published_total", "counter", "Changes sent on.", _WORKER)
STREAM_DEAD = Family("penchant_stream_dead", "gauge", "Dead letters in the state, by rule.", ("stream", "rule"))
STREAM_OUTBOX = Family("penchant_stream_outbox", "gauge", "Changes not sent on yet.", _STREAM)
STREAM_CUSTOMERS = Family("penchant_stream_customers", "gauge", "Customers with a live score.", _STREAM)
STREAM_FAMILIES = (
    STREAM_STATE,
    STREAM_SIGN_AGE,
    STREAM_LAG,
    STREAM_OLDEST,
    STREAM_BATCH,
    STREAM_APPLIED,
    STREAM_DUPLICATES,
    STREAM_REDELIVERED,
    STREAM_PUBLISHED,
    STREAM_DEAD,
    STREAM_OUTBOX,
    STREAM_CUSTOMERS,
)
FAMILIES = (
    HTTP_REQUESTS,
    SCORING_ROWS,
    SWAPS,
    SCORING_SECONDS,
    EXPLAIN_SECONDS,
    SCORES,
    MODEL_AGE,
    MODEL_INFO,
    WORKER_STARTS,
    ERASURES_PENDING,
    READY,
    DAY_AGE,
    DAY_ROWS,
    DAY_BANDS,
    HEALTH_READABLE,
    HEALTH_AGE,
    USE_CASE_STATE,
    ALERTS_OPEN,
    REALISED_AUC,
    REALISED_LOG_LOSS,
    *STREAM_FAMILIES,
)


class Counters:
    """Counters and histograms of one process; whatever thread adds, nothing is lost."""

    def __init__(self) -> None:
        self.counts: dict[tuple[Family, Labels], float] = {}
        self.spread: dict[tuple[Family, Labels], list[float]] = {}  # one count a bucket, then the sum
        self._lock = Lock()

    def add(self, family: Family, labels: Labels = (), amount: float = 1) -> None:
        """Raises a counter."""
        key = (family, labels)
        with self._lock:
            self.counts[key] = self.counts.get(key, 0) + amount

    def observe(self, family: Family, value: float, labels: Labels = ()) -> None:
        """Puts a value into its bucket."""
        bucket = bisect_left(family.bounds, value)
        with self._lock:
            spread = self.spread.setdefault((family, labels), [0.0] * (len(family.bounds) + 2))
            spread[bucket] += 1
            spread[-1] += value

    def observe_many(self, family: Family, values: NDArray[np.float64], labels: Labels = ()) -> None:
        """Puts very many values into their buckets."""
        counts = np.bincount(np.searchsorted(family.bounds, values), minlength=len(family.bounds) + 1)
        found = [*counts.astype(float).tolist(), float(values.sum())]
        with self._lock:
            known = self.spread.get((family, labels), [0.0] * len(found))
            self.spread[family, labels] = [left + right for left, right in zip(known, found, strict=True)]

    def include(self, other: Counters) -> None:
        """Adds what another has counted until now."""
        with other._lock:
            counts, spread = other.counts.copy(), {key: values[:] for key, values in other.spread.items()}
        with self._lock:
            for key, value in counts.items():
                self.counts[key] = self.counts.get(key, 0) + value
            for key, values in spread.items():
                known = self.spread.get(key, [0.0] * len(values))
                self.spread[key] = [left + right for left, right in zip(known, values, strict=True)]

    def render(self, gauges: Mapping[tuple[Family, Labels], float]) -> bytes:
        """The page Prometheus reads."""
        values: dict[tuple[Family, Labels], float] = {**self.counts, **gauges}
        lines: list[str] = []
        for family in FAMILIES:
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.sort}"]
            if family.sort == "histogram":
                lines += self._histograms(family)
            else:
                lines += [_line(family, labels, value) for (kept, labels), value in values.items() if kept is family]
        return ("\n".join(lines) + "\n").encode()

    def _histograms(self, family: Family) -> list[str]:
        """Those of every set of labels; one without labels is there before anything was counted."""
        empty = {} if family.labels else {(): [0.0] * (len(family.bounds) + 2)}
        known = empty | {labels: spread for (kept, labels), spread in self.spread.items() if kept is family}
        return [line for labels, spread in known.items() for line in _histogram(family, labels, spread)]


def _line(family: Family, labels: Labels, value: float) -> str:
    return f"{family.name}{_labels(zip(family.labels, labels, strict=True))} {value:.12g}"


def _labels(pairs: Iterable[tuple[str, str]]) -> str:
    text = ",".join(f'{name}="{_escape(value)}"' for name, value in pairs)
    return f"{{{text}}}" if text else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _histogram(family: Family, labels: Labels, spread: list[float]) -> list[str]:
    pairs = list(zip(family.labels, labels, strict=True))
    lines, total = [], 0.0
    for bound, count in zip((*family.bounds, float("inf")), spread, strict=False):
        total += count
        shown = "+Inf" if bound == float("inf") else f"{bound:g}"
        lines.append(f"{family.name}_bucket{_labels([*pairs, ('le', shown)])} {total:.12g}")
    own = _labels(pairs)
    return [*lines, f"{family.name}_sum{own} {spread[-1]:.9g}", f"{family.name}_count{own} {total:.12g}"]
