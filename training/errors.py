"""What can go wrong in a training, beside the data and the use case (`features.errors`).

ValueError
├── NothingLearned    no feature tells the outcome: nothing can be promoted (exit 4)
├── CalibrationError  a candidate's margin does not rise with the outcome; the winner's is NothingLearned
├── ReceiptError      a model's reasons do not add up to its scores (exit 1: a fault of ours)
├── PlanError         scoring's: a plan asks for what the population cannot give (exit 2)
├── Refused           a promotion that may not be (exit 4)
└── RegistryError     MLflow could not be reached, or refused (exit 5)
"""

from __future__ import annotations

from scoring.errors import PlanError as PlanError


class NothingLearned(ValueError):  # noqa: N818 what happened, not what broke
    """No candidate's margin rises with the outcome: the features do not tell it."""


class CalibrationError(ValueError):
    """Margins that do not rise with the outcome cannot be calibrated."""


class ReceiptError(ValueError):
    """A model's reasons do not add up to its scores, or are not its Shapley values."""


class Refused(ValueError):  # noqa: N818 an answer, not a fault
    """A promotion that may not be."""


class RegistryError(ValueError):
    """The registry could not be reached, or refused."""
