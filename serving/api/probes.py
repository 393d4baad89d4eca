"""What a machine asks of this worker: does it live, should requests be sent to it, what has it counted."""

from __future__ import annotations

from features.spec.feature import Json, Scalar
from scoring.encoding.notes import Note
from serving.http.problems import NOT_READY, Problem, retry_after
from serving.http.reply import Reply, json_reply
from serving.releases.watcher import Snapshot
from serving.telemetry.metrics import CONTENT_TYPE
from serving.worker.request_context import RequestContext


def livez(_visit: RequestContext) -> Reply:
    """GET /livez: 200 as long as the worker answers at all."""
    return json_reply({"status": "alive"})


def readyz(context: RequestContext) -> Reply:
    """GET /readyz: 200 when every use case in the release store is served, 503 with the reasons otherwise."""
    snapshot = context.snapshot
    facts: dict[str, Json] = {"use_cases": _served(snapshot), "refused": _refused(snapshot)}
    if snapshot.policy_refusal:
        facts["policy_refused"] = snapshot.policy_refusal
    if context.runtime.ready:
        return json_reply({"status": "ready", **facts})
    reasons = _reasons(snapshot, draining=context.runtime.draining)
    raise Problem(
        NOT_READY, " ".join(reason["detail"] for reason in reasons), errors=reasons, headers=retry_after(1), facts=facts
    )


def metrics_page(context: RequestContext) -> Reply:
    """GET /metrics, for Prometheus."""
    return Reply(200, context.runtime.metrics_page(), CONTENT_TYPE)


def _served(snapshot: Snapshot) -> dict[str, dict[str, Scalar]]:
    return {
        name: {
            "model_version": live.release.version,
            "trained_to": live.release.bundle.manifest.trained_to,
            "golden_rows": len(live.release.bundle.golden),
        }
        for name, live in snapshot.served.items()
    }


def _refused(snapshot: Snapshot) -> dict[str, dict[str, Scalar]]:
    return {name: {"version": refusal.version, "reason": refusal.reason} for name, refusal in snapshot.refused.items()}


def _reasons(snapshot: Snapshot, *, draining: bool) -> list[Note]:
    if draining:
        return [_reason("draining", "The server is stopping.")]
    if not snapshot.looked:
        return [_reason("loading", "The releases are being verified.")]
    if not snapshot.served and not snapshot.refused:
        detail = (
            "There is no release yet: run `python -m training`, or `python -m training sync` where a registry has one."
        )
        return [_reason("no_release", detail)]
    return [
        _reason(
            "refused",
            f"{name}: version {snapshot.refused[name].version or '?'} was refused. {snapshot.refused[name].reason}",
        )
        for name in snapshot.lacking
    ]


def _reason(code: str, detail: str) -> Note:
    return {"code": code, "detail": detail}
