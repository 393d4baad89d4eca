"""A BentoML service that does nothing, as its documentation writes one."""

import bentoml


@bentoml.service
class Noop:
    """Answers without looking."""

    @bentoml.api
    def predict(self, features: dict[str, float]) -> dict[str, float]:  # noqa: ARG002 the quickstart's signature
        """Always one half."""
        return {"probability": 0.5}
