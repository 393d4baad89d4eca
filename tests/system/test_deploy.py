"""What `deploy/` would start: manifests, units and compose parse, keep rules, and call commands that there are."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from penchant.cli.forward import COMMANDS
from serving.auth.sign_in_file import SECRET_HEADER
from serving.settings import Settings
from tests.support import forks

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
KINDS = {  # of the API that a cluster has: version, and what a specification may hold
    "ConfigMap": ("v1", set()),
    "PersistentVolumeClaim": ("v1", {"accessModes", "resources"}),
    "Service": ("v1", {"selector", "ports"}),
    "Deployment": ("apps/v1", {"replicas", "strategy", "selector", "template"}),
    "CronJob": (
        "batch/v1",
        {
            "schedule",
            "timeZone",
            "concurrencyPolicy",
            "startingDeadlineSeconds",
            "successfulJobsHistoryLimit",
            "failedJobsHistoryLimit",
            "jobTemplate",
        },
    ),
    "NetworkPolicy": ("networking.k8s.io/v1", {"podSelector", "policyTypes", "ingress", "egress"}),
}
HARD = {  # of every unit
    "User": "penchant",
    "NoNewPrivileges": "true",
    "ProtectSystem": "strict",
    "ProtectHome": "true",
    "PrivateTmp": "true",
    "PrivateDevices": "true",
    "CapabilityBoundingSet": "",
    "RestrictSUIDSGID": "true",
    "SystemCallFilter": "@system-service",
    "UMask": "0077",
}
COMING = {"stream"}  # a command that is being built beside these files
Document = dict[str, Any]  # of YAML


def documents() -> list[tuple[str, Document]]:
    """Every document of the manifests, with its file's name."""
    return [(path.name, one) for path in MANIFESTS for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def pods() -> Iterator[tuple[str, Document]]:
    """Every pod's specification, by the name of what makes it."""
    for _, one in documents():
        spec = one.get("spec", {})
        spec = spec["jobTemplate"]["spec"] if one["kind"] == "CronJob" else spec
        if "template" in spec:
            yield one["metadata"]["name"], spec["template"]["spec"]


def unit(path: Path) -> configparser.ConfigParser:
    """A unit's sections; of a key that stands twice the last value."""
    parsed = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",), delimiters=("=",))
    parsed.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parsed.read_string(path.read_text(encoding="utf-8"))
    return parsed


def called() -> Iterator[tuple[str, list[str]]]:
    """The words after `penchant`, or after the module, of everything that is started; where it stands."""
    for path in SERVICES:
        yield path.name, shlex.split(unit(path)["Service"]["ExecStart"])[1:]
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    started = [(name, one["command"]) for name, one in composed.items() if "command" in one]
    started += [(name, box["args"]) for name, pod in pods() for box in pod["containers"]]
    for name, words in started:
        assert words[:2] == ["python", "-m"]
        yield name, ["serve", *words[3:]] if words[2] == "serving" else words[3:]


@cache
def help_of(*words: str) -> str:
    """What a command says of itself."""
    environment = {**os.environ, "COLUMNS": "200"}
    return forks.run(["-m", "penchant", *words, "--help"], cwd=ROOT, env=environment).stdout


@pytest.mark.parametrize(("file", "document"), documents(), ids=lambda value: value if isinstance(value, str) else "")
def test_manifests_are_of_kinds_that_there_are(file: str, document: Document) -> None:
    """With their version, a name, labels, and nothing in a specification that the kind has not."""
    version, known = KINDS[document["kind"]]

    assert document["apiVersion"] == version
    assert re.fullmatch(r"[a-z][a-z-]{0,62}", document["metadata"]["name"])
    assert document["metadata"]["labels"]["app.kubernetes.io/name"] == "penchant"
    assert document.get("spec", {}).keys() <= known


def test_what_is_applied_is_there() -> None:
    """`kustomization.yaml` names every manifest but the stream's, which needs a broker."""
    named = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text(encoding="utf-8"))["resources"]

    assert {*named, "stream.yaml"} == {path.name for path in MANIFESTS}


@pytest.mark.parametrize(("name", "pod"), pods(), ids=lambda value: value if isinstance(value, str) else "")
def test_no_pod_has_rights(name: str, pod: Document) -> None:
    """Not root, nothing to write to but its volumes, no capabilities, no token, bounded memory, known volumes."""
    around = pod["securityContext"]
    volumes = {volume["name"] for volume in pod["volumes"]}

    assert around["runAsNonRoot"] is True
    assert around["runAsUser"] == around["fsGroup"] == 10001
    assert around["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for box in pod["containers"]:
        assert box["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert re.search(r":\d[\w.]*$", box["image"])
        assert {"requests", "limits"} <= box["resources"].keys()
        assert {mount["name"] for mount in box["volumeMounts"]} <= volumes


def test_the_server_is_asked_by_its_probes_and_found_by_its_service() -> None:
    """Ports, labels, names of settings and claims all lead to something that is there."""
    every = {(one["kind"], one["metadata"]["name"]): one for _, one in documents()}
    server, service = every["Deployment", "penchant-server"]["spec"], every["Service", "penchant"]["spec"]
    [box] = server["template"]["spec"]["containers"]
    probes = {name: box[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    claims = {volume["persistentVolumeClaim"]["claimName"] for _, pod in pods() for volume in pod["volumes"][:1]}

    assert probes == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
    assert service["selector"].items() <= server["template"]["metadata"]["labels"].items()
    assert service["ports"][0]["targetPort"] in {port["name"] for port in box["ports"]}
    assert all(("PersistentVolumeClaim", claim) in every for claim in claims)
    settings = {f"PENCHANT_{name.upper()}" for name in Settings.__slots__} | {"PENCHANT_WORKERS"}
    assert every["ConfigMap", "penchant"]["data"].keys() <= settings
    Settings.from_environment(every["ConfigMap", "penchant"]["data"])
    grace = server["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= 30 + int(every["ConfigMap", "penchant"]["data"]["PENCHANT_DRAIN_SECONDS"])


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_no_unit_has_rights(path: Path) -> None:
    """A user of its own who may write to the home, and to backups where it makes them."""
    service = unit(path)["Service"]
    writable = {"/srv/shop/home", "/srv/backup"} if "backup" in path.name else {"/srv/shop/home"}

    assert {key: service[key] for key in HARD} == HARD
    assert set(service["ReadWritePaths"].split()) == writable


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_are_sound(path: Path, tmp_path: Path) -> None:
    """Sections that there are, timers that start something; by systemd's own check where it is installed."""
    parsed = unit(path)
    there = tmp_path / path.name
    program = shutil.copy(sys.executable, tmp_path / "penchant")
    there.write_text(path.read_text(encoding="utf-8").replace("/srv/shop/.venv/bin/penchant", str(program)))

    assert set(parsed.sections()) <= {"Unit", "Service", "Timer", "Install"}
    assert parsed["Unit"]["Description"]
    if path.suffix == ".timer":
        assert path.with_suffix(".service") in UNITS
        shutil.copy(path.with_suffix(".service"), tmp_path)
        (tmp_path / path.with_suffix(".service").name).write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    if checker := shutil.which("systemd-analyze"):
        ended = subprocess.run([checker, "verify", "--man=no", there], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(("name", "words"), called(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_commands_that_are_called_exist(name: str, words: list[str]) -> None:
    """With every option that is given."""
    command, *rest = words
    if command in COMING and command not in COMMANDS:
        return
    assert command in COMMANDS
    sub = [rest[0]] if rest and rest[0] in COMMANDS[command].commands else []
    known = help_of(command, *sub)

    options = {word for word in rest if word.startswith("--")}
    assert options
    assert {option for option in options if f"{option} " not in known and f"{option}\n" not in known} - {
        "--home"
    } == set()


def test_compose_holds_together() -> None:
    """Named volumes are declared, mounted files are there; by Docker's own check where it has one."""
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    mounted = [volume for one in composed["services"].values() for volume in one.get("volumes", [])]
    named = {volume.partition(":")[0] for volume in mounted if re.match(r"[a-z]+:", volume)}

    assert named == composed["volumes"].keys()
    assert all((ROOT / volume.partition(":")[0]).is_file() for volume in mounted if volume.startswith("./deploy/"))
    docker = shutil.which("docker")
    if docker and not subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        every = [word for profile in ("run", "stream", "watch") for word in ("--profile", profile)]
        environment = {**os.environ, "POSTGRES_PASSWORD": "x"}
        line = [docker, "compose", *every, "config", "--quiet"]
        checked = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


def test_grafana_and_prometheus_read_what_is_there() -> None:
    """Rules, dashboard, where they are mounted, and the job that is scraped."""
    prometheus = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")

    assert all((DEPLOY / rules).is_file() for rules in prometheus["rule_files"])
    assert prometheus["scrape_configs"][0]["metrics_path"] == "/metrics"
    assert prometheus["scrape_configs"][0]["authorization"]["credentials_file"] in compose
    assert json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
    for path in (DEPLOY / "grafana").iterdir():
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["apiVersion"] == 1


@pytest.mark.parametrize("path", sorted((DEPLOY / "proxies").iterdir()), ids=lambda path: path.name)
def test_no_proxy_lets_a_caller_name_themselves(path: Path) -> None:
    """It takes the headers away by which a proxy names people, and waits longer than the server's own deadline."""
    text = path.read_text(encoding="utf-8")

    for header in ("X-Forwarded-User", "X-Forwarded-Groups", SECRET_HEADER.decode().title()):
        assert re.search(rf'(proxy_set_header {header} +""|header_up -{header}\b|{header}: "")', text), header
    assert re.search(r"(max_size 8MB|client_max_body_size 8m|maxRequestBodyBytes: 8388608)", text)
    waits = re.search(r"(?:proxy_read_timeout|response_header_timeout|responseHeaderTimeout:) (\d+)s", text)
    assert waits
    assert int(waits[1]) > Settings().deadline_seconds


def test_nginx_reads_its_file(tmp_path: Path) -> None:
    """By its own check where it is installed; else the braces close."""
    text = (DEPLOY / "proxies/nginx.conf").read_text(encoding="utf-8")
    assert text.count("{") == text.count("}")
    nginx, openssl = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"), shutil.which("openssl")
    if nginx is None or openssl is None:
        return
    made = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    ends = ["-subj", "/CN=scores.example.com", "-keyout", f"{tmp_path}/k", "-out", f"{tmp_path}/c"]
    subprocess.run([*made, *ends], check=True, capture_output=True)
    version = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
    if [int(part) for part in re.findall(r"\d+", version)[:2]] < [1, 25]:
        text = text.replace("listen 443 ssl;", "listen 443 ssl http2;").replace("http2 on;", "")
    text = text.replace("/etc/ssl/scores.example.com.pem", str(tmp_path / "c"))
    text = text.replace("/etc/ssl/scores.example.com.key", str(tmp_path / "k"))
    places = "".join(f"{kind}_temp_path {tmp_path};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    site = f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}} http {{ {places} access_log off;\n{text} }}"
    (tmp_path / "nginx.conf").write_text(site)
    checked = subprocess.run([nginx, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
