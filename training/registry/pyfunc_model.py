"""The MLflow model around a bundle, as code: MLflow runs this file to load it, and nothing is pickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
from mlflow.pyfunc.model import PythonModel

from features.spec.feature import Feature
from features.spec.languages import LANGUAGES
from scoring.answers.served_release import Live
from scoring.batch.table_answers import answer_table
from scoring.bundle.bundle import load_bundle
from scoring.bundle.golden_rows import replay
from scoring.bundle.scorer import Scorer
from scoring.encoding.file_values import as_json, file_reader
from scoring.releases.store import Release, ReleaseFacts

MOST_REASONS = 20


class ServedProbability(PythonModel):
    """A frame with a use case's features in, the served probabilities out, or all that is answered of a row."""

    def load_context(self, context: Any) -> None:
        """Loads the bundle; one whose golden rows cannot be reproduced is refused."""
        folder = Path(context.artifacts["bundle"])
        bundle = load_bundle(folder)
        replay(bundle)
        self.folder = folder
        self.scorer = Scorer(bundle)

    def predict(
        self,
        context: Any,  # noqa: ARG002 MLflow's signature
        model_input: pd.DataFrame,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """One probability a row, shape (rows,); NaN where the row breaks a feature's rule.

        Where the bundle serves the effect of a contact, a frame: `probability`, `uplift` and both log-odds.

        Args:
            context: MLflow's.
            model_input: A row a customer, with every feature; gaps as pandas has them.
            params: `output`: `answers` gives a frame of all that `python -m scoring` writes of a row (status, score,
                band, value and effect where there are such), with as many `reasons` as asked, in a `language`.

        Raises:
            ValueError: A parameter is not what it may be.
        """
        encoder = self.scorer.encoder
        columns = {feature.name: _column(model_input[feature.name], feature) for feature in encoder.features}
        table = pa.table(columns)
        if params and (params["output"] != "plain" or params["reasons"]):
            return self._answers(table, params).set_index(model_input.index)
        encoded = encoder.table(table)
        scored, broken = self.scorer.score(encoded.matrix), list(encoded.errors)
        probability = scored.probability
        probability[broken] = np.nan
        effects = self.scorer.uplift(encoded.matrix, scored.margin)
        if effects is None:
            return probability
        frame = pd.DataFrame(
            {
                "probability": probability,
                "uplift": effects.uplift,
                "log_odds_if_treated": effects.treated,
                "log_odds_if_not": effects.control,
            }
        )
        frame.loc[broken] = np.nan
        return frame

    def _answers(self, table: pa.Table, params: Mapping[str, Any]) -> pd.DataFrame:
        """The columns of a scored file, but for the version, which a model does not know of itself."""
        output, reasons, language = params["output"], params["reasons"], params["language"]
        if output not in ("plain", "answers") or language not in LANGUAGES or not 0 <= reasons <= MOST_REASONS:
            raise ValueError(
                "output must be plain or answers, reasons a number from 0 to 20, language en or fr; "
                f"got {output!r}, {reasons!r} and {language!r}."
            )
        name = self.scorer.bundle.name
        live = Live(Release("", self.folder, ReleaseFacts(""), self.scorer.bundle))
        answered = answer_table({name: live}, table, reasons=reasons, language=language).columns(prefixed=False)
        frame: pd.DataFrame = pa.table(answered).drop_columns(["model_version"]).to_pandas()
        return frame


def _column(values: pd.Series, feature: Feature) -> pa.Array:
    """A pandas column as arrow, whatever pandas made of its gaps; of mixed types, each cell as it would be posted."""
    kinds = {type(value) for value in values if not _is_gap(value)} if values.dtype == object else set()
    if len(kinds) < 2:
        return pa.Array.from_pandas(values)
    read = file_reader(feature)
    cells = [None if _is_gap(value) else as_json(read(value)[0]) for value in values]
    return pa.array(cells, pa.float64() if feature.type in ("number", "integer") else None)


def _is_gap(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


mlflow.models.set_model(ServedProbability())
