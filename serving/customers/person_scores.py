"""Every score that a home holds of one customer, with what each feature added to it: none of them unnamed.

What a use case forbids to name stays hidden from marketers; whoever a score is about may know every contribution to it
(GDPR art. 15(1)(h); CJEU C-203/22).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.spec.languages import Language
from scoring.answers.served_release import Live, published, release_of_version, statuses_of
from scoring.bundle.scorer import Scored
from scoring.population.days import Day, days_of
from scoring.reasons.sentences import sentence, shown_value
from scoring.segments.assignment import policy_of_version
from scoring.segments.policy import Policy
from serving.customers.keeping import Keeping
from serving.customers.kept import CustomerExport, Facts, FeatureShare, PersonScore, PersonSegment

_CLOSE = 1e-6  # of a probability that was kept: further off the features are not those that were scored


@dataclass
class PersonScores:
    """Reads one home in one language; releases and policies of earlier days are loaded once."""

    home: Path
    served: Mapping[str, Live]
    language: Language
    keeping: Keeping
    _live: dict[tuple[str, str], Live | None] = field(default_factory=dict)
    _policies: dict[str, Policy | None] = field(default_factory=dict)

    def scores(self, exported: CustomerExport) -> list[PersonScore]:
        """The scores of days and of answers, the latest first."""
        found = [*self._of_days(exported), *self._of_answers(exported)]
        return sorted(found, key=lambda one: (one["at"], one["use_case"]), reverse=True)

    def now(self, exported: CustomerExport) -> list[PersonScore]:
        """What would be answered at this moment from the features in the store."""
        stored = exported["store"]
        if not stored or exported["opted_out"]:
            return []
        latest = max(stored, key=lambda row: row["as_of"])
        made = (self._now(name, live, latest["as_of"], latest["features"]) for name, live in self.served.items())
        return [score for score in made if score is not None]

    def segments(self, exported: CustomerExport) -> list[PersonSegment]:
        """The segment of each day, the latest first."""
        return [
            {"at": _moment(day), "code": row["segment"], "label": self._label(day, row["segment"])}
            for day, row in reversed(list(self._days(exported)))
            if row.get("segment")
        ]

    def _days(self, exported: CustomerExport) -> Iterator[tuple[Day, Facts]]:
        """Each day that knows the customer, with its row."""
        rows = {row["file"]: row for row in exported["population"]}
        for day in days_of(self.home):
            if row := rows.get(f"{day.folder.name}/part"):
                yield day, row

    def _of_days(self, exported: CustomerExport) -> Iterator[PersonScore]:
        rows = {row["file"]: row for row in exported["population"]}
        for day, row in self._days(exported):
            for name, version in day.manifest.models.items():
                if row.get(f"{name}_status") != "scored":
                    continue
                features = rows.get(f"{day.folder.name}/features-{name}")
                live = self._release(name, version) if features else None
                base, shares = self._explained(live, features, row[f"{name}_probability"])
                yield {
                    "use_case": name,
                    "title": self._title(name, live),
                    "origin": "day",
                    "at": _moment(day),
                    "model_version": version,
                    "score": row[f"{name}_score"],
                    "probability": row[f"{name}_probability"],
                    "percentile": row[f"{name}_percentile"],
                    "band": row[f"{name}_band"],
                    "band_label": self._band(name, row[f"{name}_band"], live),
                    "segment": self._label(day, row["segment"]) if row.get("segment") else None,
                    "base_value": base,
                    "contributions": shares,
                    "kept_until": self.keeping.score_until(day.manifest.as_of),
                    "contributions_until": self.keeping.features_until(day.manifest.as_of) if shares else None,
                }

    def _of_answers(self, exported: CustomerExport) -> Iterator[PersonScore]:
        """Of the decisions log, which keeps no features: what made those scores up is not known any more."""
        for line in exported["decisions"]:
            yield {
                "use_case": line["use_case"],
                "title": self._title(line["use_case"], None),
                "origin": "answer",
                "at": line["at"],
                "model_version": line["model_version"],
                "score": line["score"],
                "probability": None,
                "percentile": None,
                "band": line["band"],
                "band_label": self._band(line["use_case"], line["band"], None),
                "segment": line["segment"],
                "base_value": None,
                "contributions": None,
                "kept_until": self.keeping.decision_until(line["at"]),
                "contributions_until": None,
            }

    def _now(self, name: str, live: Live, as_of: str, features: Facts) -> PersonScore | None:
        if not live.scorer.encoder.names <= features.keys():
            return None
        found = _scored(live, features)
        if found is None or statuses_of(live.scorer, found[0])[0] != "scored":
            return None
        base, shares = self._explained(live, features, None)
        facts = published(live, found[1], self.language)[0]
        return {
            "use_case": name,
            "title": self._title(name, live),
            "origin": "now",
            "at": as_of,
            "model_version": live.release.version,
            "score": facts["score"],
            "probability": facts["probability"],
            "percentile": facts["percentile"],
            "band": facts["band"]["code"],
            "band_label": facts["band"]["label"],
            "segment": None,
            "base_value": base,
            "contributions": shares,
            "kept_until": None,
            "contributions_until": None,
        }

    def _explained(
        self, live: Live | None, features: Facts | None, said: float | None
    ) -> tuple[float | None, list[FeatureShare] | None]:
        """The base value and what each feature adds, the strongest first; None where it cannot be known any more."""
        if live is None or features is None:
            return None, None
        found, bundle = _scored(live, features), live.release.bundle
        if found is None or (said is not None and abs(float(found[1].probability[0]) - said) > _CLOSE):
            return None, None
        matrix, scored = found
        explained = live.scorer.explain(matrix, scored.margin)
        shares: list[FeatureShare] = []
        amounts = explained.contributions[0].tolist()
        for feature, encoded, amount in zip(bundle.features, matrix[0].tolist(), amounts, strict=True):
            value = shown_value(bundle, feature, encoded)
            labels = bundle.manifest.labels_of(feature.name, self.language)
            text = sentence(feature, value, self.language, labels)
            shares.append({"feature": feature.name, "value": value, "text": text, "contribution": amount})
        shares.sort(key=lambda share: (-abs(share["contribution"]), share["feature"]))
        return float(explained.base_value[0]), shares

    def _release(self, name: str, version: str) -> Live | None:
        if name in self.served and self.served[name].release.version == version:
            return self.served[name]
        if (name, version) not in self._live:
            self._live[name, version] = release_of_version(self.home, name, version)
        return self._live[name, version]

    def _title(self, name: str, live: Live | None) -> str:
        live = self.served.get(name, live)
        return live.release.bundle.manifest.titled(self.language) if live else name

    def _band(self, name: str, code: str, live: Live | None) -> str:
        """What a band is called; its code where nobody knows any more."""
        live = live or self.served.get(name)
        bands = live.bands[self.language] if live else []
        return next((band["label"] for band in bands if band["code"] == code), code)

    def _label(self, day: Day, code: str) -> str:
        """What a segment was called; its code where the policy of the day is gone."""
        version = day.manifest.policy
        if version not in self._policies:
            self._policies[version] = policy_of_version(self.home, version, day.manifest.models)
        policy = self._policies[version]
        segment = policy.by_code.get(code) if policy else None
        return segment.labels[self.language] if segment else code


def _scored(live: Live, features: Facts) -> tuple[NDArray[np.float64], Scored] | None:
    """The features as encoded, and what the model says of them; None where they break a rule."""
    encoder = live.scorer.encoder
    values, errors, _ = encoder.row({name: features.get(name) for name in encoder.names})
    matrix = np.asarray([values])
    return None if errors else (matrix, live.scorer.score(matrix))


def _moment(day: Day) -> str:
    return day.manifest.as_of.isoformat().replace("+00:00", "Z")
