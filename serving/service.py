"""The service as BentoML knows it: two calls, and around them the edge and the pages."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from typing import Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")  # before bentoml is imported, which asks only once

import bentoml
from starlette.responses import Response

# Workers inherit these from the process that starts them.
_TALLY = "PENCHANT_TALLY"  # see serving/telemetry/worker_totals.py
_SUPERVISOR = "PENCHANT_SUPERVISOR"  # see serving/worker/runtime.py
Document = dict[str, Any]  # what BentoML takes for a JSON object


class EdgedService(bentoml.Service):
    """BentoML's service with our edge as its outermost layer; a process becomes a serving one here."""

    def to_asgi(self, is_main: bool = True) -> Any:
        """The application of one worker.

        Everything that brings xgboost along is imported here and not above: after the training libraries are barred.
        """
        from scoring.lean_imports import bar_training_libraries

        bar_training_libraries()
        from serving.edge.edge import Edge
        from serving.edge.site import site
        from serving.patches import (
            uvicorn_admission,
            uvicorn_bad_request,
            uvicorn_head_timeout,
            uvicorn_one_write,
            uvicorn_size_limits,
        )
        from serving.settings import Settings
        from serving.telemetry import logs
        from serving.worker.runtime import Runtime

        logs.take_over()
        uvicorn_bad_request.install()
        uvicorn_one_write.install()
        settings = Settings.from_environment()
        runtime = Runtime(settings)
        uvicorn_head_timeout.install(settings.body_seconds, runtime.scheduler.connected)
        uvicorn_size_limits.install(rest_bytes=settings.max_body_bytes)
        self.mount_asgi_app(site(), path="/")
        uvicorn_admission.install(runtime)
        return Edge(super().to_asgi(is_main), runtime)


@bentoml.service(
    name="penchant",
    service_class=EdgedService,
    workers=int(os.environ.get("PENCHANT_WORKERS") or 1),
    http={"host": "127.0.0.1", "port": 3000},
    traffic={"timeout": 60},  # longer than our own deadline, which answers with a problem document
    metrics={"enabled": False},  # its labels are raw paths; ours are in metrics.py
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*", "sample_rate": 0.0},
    monitoring={"enabled": False},
)
class Penchant:
    """Scores customers with every use case that has a release, and explains each score."""

    @bentoml.on_deployment
    @staticmethod
    def before_the_workers() -> None:
        """Takes over the log, makes the folder in which the workers add up their counts, and has them forked.

        Run once, by the process that starts them.
        """
        from serving.patches import circus_forked_workers
        from serving.telemetry import logs

        logs.take_over()  # before the first line of BentoML's own
        logs.write("starting", workers=int(os.environ.get("PENCHANT_WORKERS") or 1))
        circus_forked_workers.install()
        os.environ[_SUPERVISOR] = str(os.getpid())
        try:
            os.environ[_TALLY] = tempfile.mkdtemp(prefix="penchant-")
        except OSError:
            return  # each worker then reports its own counts only
        atexit.register(shutil.rmtree, os.environ[_TALLY], ignore_errors=True)

    @bentoml.api(route="/v1/scores")
    async def scores(
        self,
        profiles: list[Any] | None = None,
        customer_ids: list[str | int] | None = None,
        use_cases: list[str] | None = None,
        reasons: int = 0,
        language: str = "en",
        flat: bool = False,
    ) -> Document:
        """Scores up to 1,000 customers, by profile or by id, with one use case or several, answered in order."""
        from serving.api.handlers import answer_scores

        whom = {"profiles": profiles, "customer_ids": customer_ids}
        asked = {**whom, "use_cases": use_cases, "reasons": reasons, "language": language, "flat": flat}
        return await _answer(answer_scores, asked)

    @bentoml.api(route="/v1/explanations")
    async def explanations(
        self,
        use_case: str,
        profile: Document | None = None,
        customer_id: str | int | None = None,
        language: str = "en",
    ) -> Document:
        """Explains one score: what each feature adds to it, in log-odds, and the reasons as text."""
        from serving.api.handlers import answer_explanations

        whom = {"profile": profile, "customer_id": customer_id}
        return await _answer(answer_explanations, {"use_case": use_case, **whom, "language": language})

    @bentoml.api(route="/v1/moves")
    async def moves(self, asked: Any, /) -> Document:
        """Explains why a customer's score and segment changed between two days, `from` and `to`."""
        from serving.api.moves import answer_moves

        return await _answer(answer_moves, asked)

    @bentoml.api(route="/v1/customers/search")
    async def search_customers(self, contains: str, limit: int = 50, cursor: str | None = None) -> Document:
        """Finds the customers of the day in service whose id contains a text."""
        from serving.api.population import answer_search

        return await _answer(answer_search, {"contains": contains, "limit": limit, "cursor": cursor})

    @bentoml.api(route="/v1/customers/lookup")
    async def look_customers_up(self, customer_ids: list[str | int]) -> Document:
        """Answers features, scores and segments by day, and consent, of up to 100 customers."""
        from serving.api.population import answer_lookup

        return await _answer(answer_lookup, {"customer_ids": customer_ids})

    @bentoml.api(route="/v1/lists")
    async def lists(self, asked: Any, /) -> Document:
        """Makes a list of the likeliest of the day in service, with a hold-out where one is asked for."""
        from serving.api.customer_lists import answer_lists

        return await _answer(answer_lists, asked)

    @bentoml.api(route="/v1/customers/export")
    async def export_customers(self, customer_ids: list[str | int], language: str | None = None) -> Document:
        """Answers all that is kept of up to 1,000 customers, with a copy to hand over in a language."""
        from serving.api.subject_requests import answer_export

        return await _answer(answer_export, {"customer_ids": customer_ids, "language": language})

    @bentoml.api(route="/v1/customers/erase")
    async def erase_customers(self, customer_ids: list[str | int]) -> Document:
        """Erases all that is kept of up to 1,000 customers, for good."""
        from serving.api.subject_requests import answer_erase

        return await _answer(answer_erase, {"customer_ids": customer_ids})

    @bentoml.api(route="/v1/customers/contestations")
    async def contest_score(
        self,
        customer_id: str | int,
        use_case: str,
        text: str,
        by: str,
        outcome: str = "open",
        request_id: str | None = None,
    ) -> Document:
        """Notes what a customer says against a score, or how a person answered; no line is ever changed."""
        from serving.api.subject_requests import answer_contestation

        said = {"text": text, "by": by, "outcome": outcome, "request_id": request_id}
        return await _answer(answer_contestation, {"customer_id": customer_id, "use_case": use_case, **said})


async def _answer(call: Any, asked: Any) -> Document:
    """The call's answer or problem as a response, which BentoML hands on as it is."""
    from serving.http.problems import Problem
    from serving.worker.request_context import CONTEXT

    context = CONTEXT.get()
    try:
        reply = await call(asked, context)
    except Problem as problem:
        reply = problem.reply(context.request_id)
    headers = dict(_text(reply.headers))
    return Response(reply.body, reply.status, headers, reply.content_type.decode())  # type: ignore[return-value]  # so it is documented


def _text(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in headers]
