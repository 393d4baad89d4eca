"""The dashboard and the alert rules of deploy/, against what a running server gives to Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from serving.telemetry.metrics import FAMILIES

DEPLOY = Path(__file__).parents[3] / "deploy"
_WORDS = {"by", "on", "and", "or", "unless", "without", "ignoring", "offset", "bool"}  # of the language itself


def expressions() -> list[str]:
    """Every expression of both files."""
    return [*(target["expr"] for panel in panels() for target in panel["targets"]), *(one["expr"] for one in rules())]


def panels() -> list[dict[str, Any]]:
    """The panels of the dashboard."""
    return list(json.loads((DEPLOY / "grafana-dashboard.json").read_bytes())["panels"])


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    groups = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def metrics_of(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics that an expression reads, each with the labels that it asks for.

    >>> sorted(metrics_of('sum by (a) (rate(x_total{b="c"}[5m])) / y > 2e3'))
    [('x_total', {'b'}), ('y', set())]
    """
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", expression)
    for name, labels in re.findall(r"\b([a-zA-Z_:][\w:]*)\b(?!\s*\()(?:\{([^}]*)\})?", re.sub(r"\[[^]]*\]", "", bare)):
        if name not in _WORDS and not re.search(rf"\{{[^}}]*\b{name}\b[^}}]*\}}", bare):
            yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))


def grouped(expression: str) -> set[str]:
    """The labels that an expression groups by."""
    return {
        name.strip() for names in re.findall(r"\bby\s*\(([^)]*)\)", expression) for name in names.split(",")
    } - {"le"}  # fmt: skip


def test_every_metric_is_one_that_a_server_gives(client: httpx.Client) -> None:
    """By its name, down to the buckets of a histogram."""
    page = client.get("/metrics").text
    typed = {family.name: family.type for family in text_string_to_metric_families(page)}
    given = set()
    for name, kind in typed.items():
        given |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else set()
        given.add(f"{name}_total" if kind == "counter" else name)

    asked = {name for expression in expressions() for name, _ in metrics_of(expression)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}

    assert asked - given == set()
    assert {family.name for family in FAMILIES} - families == set()
    assert all(name.startswith("penchant_") for name in typed)


def test_every_label_is_one_that_the_metric_has() -> None:
    """Those it is filtered by, and those it is grouped by."""
    labels = {family.name: set(family.labels) for family in FAMILIES}
    for expression in expressions():
        for name, filtered in metrics_of(expression):
            family = labels[re.sub(r"_(bucket|sum|count)$", "", name)]
            assert filtered | grouped(expression) <= family, expression


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_rule_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    """With a severity; its texts name only labels that its expression leaves."""
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description"}
    assert all(text.endswith(".") for text in rule["annotations"].values())
    assert re.fullmatch(r"\d+[mhd]", rule.get("for", "5m"))


def test_panels_do_not_overlap() -> None:
    """Each has a title, an expression and a place of its own."""
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert panel["title"]
        assert all(target["expr"] for target in panel["targets"])
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_an_unknown_metric_would_be_seen() -> None:
    """The search can fail."""
    assert [name for name, _ in metrics_of('sum by (use_case) (rate(nothing_total{status=~"5.."}[5m])) > 0.01')] == [
        "nothing_total"
    ]
