"""What a query may ask of a day's index, and which rows its filters leave: masks over columns."""

from __future__ import annotations

import numpy as np
from msgspec import UNSET

from scoring.population.customer_pages import CustomerQuery, QueryError
from scoring.population.day_index import CLUSTER, REFRESH
from scoring.population.ranking.index_columns import IndexColumns, Mask


def check_query(index: IndexColumns, query: CustomerQuery) -> None:
    """Rejects a query that names what the day does not have.

    Raises:
        QueryError: It does, with each broken part.
    """
    broken: dict[str, str] = {}
    known = index.facts.use_cases.get(query.use_case or "")
    if query.use_case is not None and known is None:
        broken["use_case"] = f"Must be one of {', '.join(index.facts.use_cases)}, got another."
    if query.segment is not None and query.segment not in index.segments:
        broken["segment"] = f"Must be a segment's code ({', '.join(index.segments)}), got another."
    for name, value, codes in (
        ("band", query.band, known.bands if known else ()),
        ("reason", query.reason, known.reasons if known else ()),
    ):
        if value is not None and query.use_case is None:
            broken[name] = "Must come with a use_case, whose it is, got none."
        elif value is not None and known and value not in codes:
            broken[name] = f"Must be one of {', '.join(codes)}, got another."
    of_value = len(index.value_floors(query.use_case or ""))
    if query.cluster is not UNSET and query.cluster not in index.clusters:
        known_clusters = ", ".join(index.clusters) or "none of this day"
        broken["cluster"] = f"Must be a learned cluster ({known_clusters}), got another."
    if query.value is not UNSET and not 1 <= query.value <= of_value:
        broken["value"] = f"Must be a band of value of the use case, of which the day has {of_value}, got another."
    if query.sorted_by == "refresh":
        if not index.says_refresh:
            broken["order"] = "Must be another: the day does not say whose data are missing."
    elif query.sorted_by == "-uplift" and known and not known.good_uplift:
        broken["order"] = "Must be another: the day has no uplift of the use case."
    elif query.sorted_by == "-value" and known and not of_value:
        broken["order"] = "Must be another: the day has no values of the use case."
    elif query.sorted_by != "customer_id" and query.use_case is None:
        broken["order"] = "Must be customer_id where there is no use_case, got an order of scores."
    if broken:
        raise QueryError(broken)


def filtered(index: IndexColumns, query: CustomerQuery) -> Mask:
    """Which rows of all a query leaves; it must have passed `check_query`."""
    if query.sorted_by == "refresh":
        mask = index.column(f"{REFRESH}.rank") >= 0
    elif query.use_case is None:
        mask = np.ones(len(index.batch), np.bool_)
    else:
        mask = index.equal(f"{query.use_case}_status", "scored")
    if query.segment is not None:
        within = np.array([query.segment in place.codes for place in index.facts.places], np.bool_)
        mask &= within.take(index.column("place"))
    if query.band is not None:
        mask &= index.equal(f"{query.use_case}_band", query.band)
    if query.reason is not None:
        mask &= index.with_reason(query.use_case, query.reason)
    if query.cluster is not UNSET:
        name, _, code = query.cluster.rpartition(".")
        mask &= index.equal(f"{name}{CLUSTER}", code)
    if query.value is not UNSET:
        name = query.use_case or ""
        found = np.searchsorted(np.asarray(index.value_floors(name)), index.values(name), side="right")
        mask &= found == query.value
    return mask
