"""What can be wrong with what scoring is given."""


class BundleError(ValueError):
    """A bundle or a release is not what it says it is."""


class ClusterError(ValueError):
    """The machines of a cluster cannot be reached, or would not score as this one does."""


class PlanError(ValueError):
    """A plan asks for what the population cannot give."""


class PolicyFailedError(ValueError):
    """A policy could not name the segments of customers whom its use cases had scored."""


class RequestError(ValueError):
    """A request cannot be answered at all; `errors` holds every broken rule."""

    def __init__(self, *errors: str) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors
