"""Scoring never needs the training libraries, and xgboost pulls some of them in where it finds them."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

BARRED = ("mlflow", "sklearn", "pandas", "shap", "pandera", "ibis")


class _Bar(MetaPathFinder):
    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name.partition(".")[0] in BARRED:
            raise ModuleNotFoundError(f"{name} is barred in a scoring process.", name=name)
        return None


def bar_training_libraries() -> None:
    """From here on this process imports none of `BARRED`; call it before xgboost is first imported.

    With scikit-learn and pandas in reach `import xgboost` takes five times the processor time and three times the
    memory, for wrappers that scoring does not use.
    """
    if not any(isinstance(finder, _Bar) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Bar())
        _leave_out_f2py()


def _leave_out_f2py() -> None:
    """Puts an empty module in the place of numpy's Fortran wrapper, a fifth of the time xgboost takes to import.

    Nothing here compiles Fortran; scipy, which xgboost imports, asks for every name that numpy has.
    """
    import numpy

    if "numpy.f2py" not in sys.modules:
        numpy.f2py = sys.modules["numpy.f2py"] = ModuleType("numpy.f2py")
