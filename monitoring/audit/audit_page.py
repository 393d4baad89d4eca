"""The record as one HTML file, in French and English, that needs nothing else and runs no script."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from features.spec.languages import LANGUAGES, Language
from monitoring.audit.audit_record import AuditRecord, ExportTotal, UseCaseRecord
from scoring.bundle.families import OTHER_FACTORS
from scoring.bundle.manifest import Manifest
from scoring.health.health_file import GoalProgress, HealthAlert, HealthReason
from scoring.health.matured_windows import Bounds, MaturedWindow
from scoring.privacy.audit_trail import Action
from scoring.privacy.trail_check import TrailEntry
from scoring.reasons.sentences import described
from scoring.text.formatting import between, catalogue, figure, iso_date, number, percent, unbreakable
from scoring.text.health_reasons import goal_name, health_text, kpi_figure, kpi_name, state_name
from scoring.text.promotion import DecisionDocument, decision_reason

_HERE = Path(__file__).parent
_NONE = "—"


def audit_page(record: AuditRecord, languages: Sequence[Language] = LANGUAGES) -> str:
    """The whole file, a part for each language, of which the first is shown first."""
    parts = [_Translated(record, language, _texts(language)) for language in languages]
    return _template().render(languages=languages, parts=parts, record=record)


@cache
def _template() -> Template:
    loader = FileSystemLoader(_HERE / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("audit.html")


@cache
def _texts(language: Language) -> Mapping[str, str]:
    stored = tomllib.loads((_HERE / "texts.toml").read_text(encoding="utf-8"))["audit"]
    texts = {key: forms[language] for key, forms in stored.items()}
    return {key: unbreakable(text) for key, text in texts.items()} if language == "fr" else texts


@dataclass(frozen=True, slots=True)
class _Decided:
    day: str
    version: str
    verdict: str
    why: str
    foreign: bool  # whether `why` is English in a French part


@dataclass(frozen=True, slots=True)
class _Alerted:
    since: str
    title: str
    text: str
    damage: str
    state: str


@dataclass(frozen=True, slots=True)
class _Translated:
    """The record in one language."""

    record: AuditRecord
    language: Language
    texts: Mapping[str, str]

    @property
    def span(self) -> str:
        """From when to when."""
        dates = {name: self.date(getattr(self.record, name).isoformat()) for name in ("since", "until")}
        return self.texts["span"].format(**dates)

    @property
    def counts(self) -> dict[str, str]:
        """What there was, in numbers."""
        record = self.record
        found = {
            "days": len(record.days),
            "promoted": record.promoted,
            "refused": record.refused,
            "alerted": len(record.alerts),
            "lists": sum(one.lists for one in record.exports),
            "erased": record.erased,
            "objectors": record.objectors,
        }
        return {name: number(count, self.language) for name, count in found.items()}

    @property
    def last_day(self) -> str:
        """The latest day of all customers; empty where there is none."""
        if not self.record.days:
            return ""
        last = self.record.days[-1].manifest
        customers = number(last.customers, self.language)
        return self.texts["day_last"].format(date=self.date(last.as_of.isoformat()), n=customers)

    @property
    def use_cases(self) -> list[_TranslatedCase]:
        """Each use case."""
        return [_TranslatedCase(self, case) for case in self.record.use_cases]

    @property
    def alerts(self) -> list[_Alerted]:
        """Each alert."""
        return [self._alert(alert) for alert in self.record.alerts]

    @property
    def goals(self) -> list[tuple[str, ...]]:
        """What came of the goals of segments and lists."""
        return [self._goal(goal) for goal in self.record.goals]

    @property
    def exports(self) -> list[tuple[str, ...]]:
        """What left, by door."""
        return [self._export(total) for total in self.record.exports]

    @property
    def trail_state(self) -> str:
        """Whether the trail is whole; empty where it cannot be read."""
        trail = self.record.trail
        if trail is None:
            return ""
        if trail.faults:
            return self.texts["trail_broken"].format(n=number(len(trail.faults), self.language))
        return self.texts["trail_whole"].format(n=number(trail.head.n, self.language))

    @property
    def trail_faults(self) -> list[str]:
        """The lines of the trail that are not as they were written."""
        faults = self.record.trail.faults if self.record.trail else ()
        return [self.texts[f"trail_{one.code}"].format(n=number(one.n, self.language)) for one in faults]

    @property
    def done(self) -> list[tuple[str, ...]]:
        """Who did what."""
        return [self._done(one) for one in self.record.done]

    @property
    def looks(self) -> list[tuple[str, ...]]:
        """Who looked at how many single customers."""
        return [
            (
                one.who or self.texts["no_key"],
                self.texts.get(f"door_{one.via}", one.via),
                number(one.looks, self.language),
                number(one.customers, self.language),
            )
            for one in self.record.looks
        ]

    def _done(self, entry: TrailEntry) -> tuple[str, ...]:
        action, texts = entry.action, self.texts
        who = action.by.who or (texts["by_server"] if action.by.via == "server" else texts["no_key"])
        if action.by.account and action.by.account != action.by.who:
            who = f"{who} ({action.by.account})"
        about = self._about(action)
        whom = texts["of_customers"].format(n=number(len(action.customers), self.language)) if action.customers else ""
        when = f"{self.date(entry.at)} {entry.at[11:16]} UTC"
        what = ", ".join(filter(None, (about, whom)))
        return when, texts[f"did_{action.what}"], who, texts.get(f"door_{action.by.via}", action.by.via), what

    def _about(self, action: Action) -> str:
        if action.what != "delivery":
            return ", ".join(str(value) for value in action.about.values() if not isinstance(value, bool))
        if action.about["status"] == "refused":
            return self.texts["delivery_refused"].format(**action.about)
        return self.texts["delivered"].format(
            **{**action.about, "status": self.texts[f"delivery_{action.about['status']}"]}
        )

    def titled(self, name: str) -> str:
        """What people read for a use case."""
        manifest = next((case.manifest for case in self.record.use_cases if case.name == name), None)
        return manifest.titled(self.language) if manifest else name or self.texts["all"]

    def sentence(self, reason: HealthReason, use_case: str) -> str:
        """A reason with its feature and segment as people read them."""
        values = dict(reason.values)
        manifest = next((case.manifest for case in self.record.use_cases if case.name == use_case), None)
        if manifest and isinstance(feature := values.get("feature"), str):
            values["feature"] = _feature_name(manifest, feature, self.language)
        if isinstance(segment := values.get("segment"), str):
            values["segment"] = self.segment(segment)
        return health_text(reason.code, values, self.language)

    def segment(self, code: str) -> str:
        """What people read for a segment."""
        return self.record.segments.get(code, {}).get(self.language, code)

    def date(self, iso: str) -> str:
        """A day as it is read."""
        return iso_date(iso, self.language)

    def _alert(self, alert: HealthAlert) -> _Alerted:
        ended = self.date(alert.ended) if alert.ended else ""
        state = self.texts[f"state_{alert.state}"].format(name=alert.acknowledged_by, date=ended)
        damage = _NONE if alert.damage is None else number(alert.damage, self.language, decimals=0)
        text = self.sentence(alert.what, alert.use_case)
        return _Alerted(self.date(alert.since), self.titled(alert.use_case), text, damage, state)

    def _goal(self, goal: GoalProgress) -> tuple[str, ...]:
        def shown(value: float) -> str:
            return kpi_figure(goal.kpi, value, self.language, goal.currency)

        edges = " – ".join(map(shown, goal.interval or ()))
        realised = _NONE if goal.realised is None else shown(goal.realised)
        return (
            self.texts["list"].format(id=goal.campaign) if goal.campaign else self.segment(goal.segment),
            kpi_name(goal.kpi, self.language),
            shown(goal.target),
            self.date(goal.by),
            f"{realised} ({edges})" if edges else realised,
            goal_name(goal.state, self.language),
        )

    def _export(self, total: ExportTotal) -> tuple[str, ...]:
        counts = (number(count, self.language) for count in (total.lists, total.written, total.left_out))
        form = f"{total.format}, {self.texts['internal']}" if total.internal else total.format
        return self.texts.get(f"door_{total.by}", total.by), form, *counts


@dataclass(frozen=True, slots=True)
class _TranslatedCase:
    """A use case in one language."""

    part: _Translated
    case: UseCaseRecord

    @property
    def name(self) -> str:
        """Its name."""
        return self.case.name

    @property
    def title(self) -> str:
        """What people read for it."""
        return self.part.titled(self.case.name)

    @property
    def service(self) -> str:
        """Which version is in service."""
        manifest, texts = self.case.manifest, self.part.texts
        if self.case.version is None or manifest is None:
            return texts["none_in_service"]
        trained = self.part.date(manifest.trained_to) if manifest.trained_to else _NONE
        return texts["in_service"].format(version=self.case.version, date=trained)

    @property
    def scored(self) -> list[str]:
        """How many days each version scored."""
        text = self.part.texts["scored_days"]
        return [text.format(version=version, n=days) for version, days in self.case.days.items()]

    @property
    def state(self) -> str:
        """Whether it is to be trusted today; empty where nobody looked."""
        return state_name(self.case.health.state, self.part.language) if self.case.health else ""

    @property
    def why(self) -> list[str]:
        """Why."""
        reasons = self.case.health.why if self.case.health else ()
        return [self.part.sentence(one, self.case.name) for one in reasons]

    @property
    def known(self) -> str:
        """Of how many days the outcome became known."""
        return self.part.texts["quality_says"].format(n=number(self.case.known, self.part.language))

    @property
    def months(self) -> list[tuple[str, ...]]:
        """How good it turned out to be, month by month."""
        return [self._month(window) for window in self.case.months]

    @property
    def decisions(self) -> list[_Decided]:
        """What was decided of each version."""
        return [self._decided(one) for one in self.case.decisions]

    def _month(self, window: MaturedWindow) -> tuple[str, ...]:
        measured, language, baseline = window.measured, self.part.language, window.baseline
        bounds = measured.intervals
        gain = _with(baseline.gain, baseline.gain_interval, language, decimals=4) if baseline else _NONE
        return (
            self.part.date(window.as_of),
            window.version,
            number(measured.rows, language),
            _NONE if window.predicted is None else percent(window.predicted, language, decimals=1),
            _share(window.realised, bounds.get("rate"), language),
            _with(measured.roc_auc, bounds.get("roc_auc"), language, decimals=3),
            _with(measured.log_loss, None, language, decimals=4),
            gain,
        )

    def _decided(self, decision: DecisionDocument) -> _Decided:
        verdict = "refused" if decision.get("refused") else "promoted" if decision.get("promoted") else "kept"
        reason = decision_reason(decision, self.part.language)
        day, texts = self.part.date(decision["at"]), self.part.texts
        return _Decided(day, decision["version"], texts[f"verdict_{verdict}"], reason.why, reason.foreign)


def _feature_name(manifest: Manifest, name: str, language: Language) -> str:
    """What a feature measures; one that may not be named is another factor."""
    if name in manifest.forbid:
        return catalogue()["texts"][language][OTHER_FACTORS]
    found = next((one for one in manifest.features if one.name == name), None)
    return described(found, language, manifest.labels_of(name, language)) if found else name


def _with(value: float | None, bounds: Bounds | None, language: Language, *, decimals: int) -> str:
    """A figure with its interval, where it has one."""
    if value is None:
        return _NONE
    shown = figure(value, language, decimals=decimals)
    return f"{shown} {between(*bounds, language, decimals=decimals)}" if bounds else shown


def _share(value: float | None, bounds: Bounds | None, language: Language) -> str:
    """A share with its interval, where it has one."""
    if value is None:
        return _NONE
    shown = percent(value, language, decimals=1)
    edges = [percent(edge, language, decimals=1) for edge in bounds or ()]
    return f"{shown} ({' – '.join(edges)})" if edges else shown
