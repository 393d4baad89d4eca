"""Scoring never needs the training libraries, and xgboost pulls some of them in where it finds them."""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BARRED = ("mlflow", "sklearn", "pandas", "shap", "pandera", "ibis")


class _Bar(MetaPathFinder):
    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name.partition(".")[0] in BARRED:
            return ModuleSpec(name, _NotHere())  # pyspark asks what there is; only an import is refused
        return None


class _NotHere(Loader):
    def create_module(self, spec: ModuleSpec) -> None:
        raise ModuleNotFoundError(f"{spec.name} is barred in a scoring process.", name=spec.name)

    def exec_module(self, _module: ModuleType) -> None:
        """There is never one."""


class _Nothing(ModuleType):
    """A module in which every name is a class that nothing is an instance of."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        found = type(name, (), {})
        setattr(self, name, found)
        return found


def bar_training_libraries() -> None:
    """From here on this process imports none of `BARRED`; call it before xgboost is first imported.

    With scikit-learn and pandas in reach `import xgboost` takes five times the processor time and three times the
    memory, for wrappers that scoring does not use.
    """
    if not any(isinstance(finder, _Bar) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Bar())
        _leave_out_scipy()


def _leave_out_scipy() -> None:
    """Puts an empty module in the place of scipy's sparse matrices: three quarters of the time xgboost takes to import.

    xgboost asks only whether what it is handed is one of them, and scoring hands it none; its wrappers in the style of
    scikit-learn, which it leaves out where the rest of scipy is missing, scoring does not use.
    """
    if "scipy" not in sys.modules:
        scipy, sparse = ModuleType("scipy"), _Nothing("scipy.sparse")
        scipy.__spec__, sparse.__spec__ = ModuleSpec("scipy", None), ModuleSpec("scipy.sparse", None)
        scipy.sparse = sparse  # type: ignore[attr-defined]  # a module of our making
        scipy.__version__ = "1.0"  # type: ignore[attr-defined]  # the oldest that numba takes, which reads no more of it
        sys.modules |= {"scipy": scipy, "scipy.sparse": sparse}
