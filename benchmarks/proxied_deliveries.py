"""A vendor's stand-in behind a proxy that holds every request and answer against the vendor's own description.

`python -m benchmarks.proxied_deliveries hubspot|brevo PRISM SPEC ...`: the command of @stoplight/prism-cli, and of
HubSpot the descriptions of contacts and lists in its public collection (OpenAPI 3, JSON), of Brevo its Swagger 2 (YAML:
`swagger_definition.yml` of unovafr/brevo-openapi). All are fetched into a cache, never into the repository.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from activation.deliveries import deliver
from tests.support.deliveries import address, hot, world
from tests.support.fakes.base import serving
from tests.support.ports import free_port
from tests.support.vendors import VENDORS

_REFERENCE = re.compile(r"#/components/schemas/([A-Za-z0-9_]+)")
_ASKED_OF_BREVO = (
    "/contacts",
    "/contacts/import",
    "/contacts/lists/{listId}/contacts",
    "/contacts/lists/{listId}/contacts/remove",
    "/processes",
    "/processes/{processId}",
    "/smtp/blockedContacts",
)
_JSON = ["application/json"]
_SECONDS = 60  # that the proxy may take to read a description
_ASKED = ("/batch/upsert", "/batch/read", "/search", "/memberships", "/memberships/add-and-remove")  # ends of paths


def merged(specs: Sequence[Path]) -> dict[str, Any]:
    """One description of several: their schemas under names of their own."""
    found: dict[str, Any] = {}
    for place, path in enumerate(specs):
        prefix = f"#/components/schemas/S{place}_"
        one = json.loads(path.read_text(encoding="utf-8").replace("#/components/schemas/", prefix))
        schemas = {f"S{place}_{name}": schema for name, schema in one["components"]["schemas"].items()}
        if not found:
            found = {**one, "paths": {}, "components": {**one["components"], "schemas": {}}}
        found["paths"] |= {path: asked for path, asked in one["paths"].items() if path.endswith(_ASKED)}
        found["components"]["schemas"] |= schemas
        found["components"].setdefault("responses", {}).update(one["components"].get("responses", {}))
    return _pruned({**found, "security": []})


def swagger(spec: Path) -> dict[str, Any]:
    """Brevo's description, of what we ask alone: `/v3` before its paths, and no key asked for."""
    found = yaml.safe_load(spec.read_text(encoding="utf-8"))
    paths = {f"/v3{path}": asked for path, asked in found["paths"].items() if path in _ASKED_OF_BREVO}
    kept = {name: found[name] for name in ("swagger", "info", "definitions", "parameters") if name in found}
    stated = json.loads(json.dumps({**kept, "paths": paths, "consumes": _JSON, "produces": _JSON}, default=str))
    for asked in stated["paths"].values():
        for operation in asked.values():
            operation.pop("security", None)
    return dict(stated)


def _pruned(spec: dict[str, Any]) -> dict[str, Any]:
    """The description with the schemas alone that its paths lead to: the proxy takes minutes over all of them."""
    schemas, wanted = spec["components"]["schemas"], set[str]()
    ahead = _REFERENCE.findall(json.dumps(spec["paths"]) + json.dumps(spec["components"].get("responses", {})))
    while ahead:
        name = ahead.pop()
        if name not in wanted:
            wanted.add(name)
            ahead += _REFERENCE.findall(json.dumps(schemas[name]))
    kept = {name: schemas[name] for name in sorted(wanted)}
    return {**spec, "components": {"schemas": kept, "responses": spec["components"].get("responses", {})}}


def _described(kind: str, specs: Sequence[Path]) -> dict[str, Any]:
    return merged(specs) if kind == "hubspot" else swagger(specs[0])


@contextmanager
def proxy(prism: str, spec: Path, upstream: str) -> Iterator[str]:
    """Its address, once it listens."""
    port = free_port()
    line = [prism, "proxy", str(spec), upstream, "--errors", "--port", str(port), "--host", "127.0.0.1"]
    with (spec.parent / "prism.log").open("wb") as log:
        process = subprocess.Popen(line, stdout=log, stderr=log)
        try:
            ends = time.monotonic() + _SECONDS
            while time.monotonic() < ends:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/")
                    break
                except httpx.HTTPError:
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def main(kind: str, prism: str, specs: Sequence[Path]) -> int:
    """Syncs adds, an update, removals and an opt-out through the proxy; 1 where one of them is refused."""
    vendor = next(one for one in VENDORS if one.kind == kind)
    with tempfile.TemporaryDirectory() as folder, serving(fake := vendor.fake([])) as upstream:
        made = world(Path(folder), 240)
        spec = Path(folder) / "spec.json"
        spec.write_text(json.dumps(_described(kind, specs)), encoding="utf-8")
        with proxy(prism, spec, upstream) as url:
            file = made.file(vendor.section(url))
            first = deliver.sync(made.delivery(file))
            if first.status != "done":
                print(first.why, (spec.parent / "prism.log").read_text(encoding="utf-8")[-4000:])
                return 1
            made.unwilling, made.segments, made.scores = {"c3"}, {"c4": "cold"}, {"c5": 99.5}
            made.write()
            fake.unsubscribe(address("c7"))
            second = deliver.sync(made.delivery(file))
        for report in (first, second):
            print(f"+{report.adds} ~{report.updates} -{report.removes}, {report.calls} calls, {report.status}")
            print("\n".join(f"{one.rows} rejected: {one.reason}" for one in report.rejected))
        right = fake.members().keys() == hot(made, but={"c3", "c7"})
        print(f"{len(fake.requests)} requests passed; the list is {'' if right else 'not '}what is desired")
        return int(not right or first.status != "done" or second.status != "done")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], [Path(one) for one in sys.argv[3:]]))
