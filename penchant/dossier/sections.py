"""The four parts of the dossier: the record, a draft of the impact assessment, the notice, the recipients."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from features.spec.languages import Language
from penchant.daily.run_file import kept_days
from penchant.dossier.dossier_facts import DossierFacts, ServedModel
from penchant.dossier.dossier_file import DossierFile, Party, Stated, stated_in
from penchant.dossier.render import BEGIN, END, DossierBlock
from scoring.reasons.sentences import described
from scoring.text.formatting import iso_date, number, unbreakable

_SPANS = {"d": ("days", "jours"), "w": ("weeks", "semaines"), "m": ("months", "mois"), "y": ("years", "ans")}
_RULES = {
    "as long as the home": "aussi longtemps que l'installation",
    "until what it is for is done": "jusqu'à ce que ce soit fait",
    "as its owner says": "selon son propriétaire",
}


@cache
def _texts(part: str, language: Language) -> Mapping[str, str]:
    stored = tomllib.loads((Path(__file__).parent / "texts.toml").read_text(encoding="utf-8"))[part]
    return {key: forms[language] for key, forms in stored.items()}


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known and what is stated, in one language."""

    home: Path
    facts: DossierFacts
    stated: DossierFile
    language: Language

    def blocks(self) -> list[DossierBlock]:
        """The whole document."""
        date = iso_date(self.facts.at.isoformat(), self.language)
        mark = f"{BEGIN}{self.say('to_fill', what='…')}{END}"
        found = [
            DossierBlock("h1", self.say("title")),
            DossierBlock("p", self.say("head", date=date, product=self.facts.product, mark=mark)),
            *self._record(),
            *self._assessment(),
            *self._notice(),
            *self._recipients(),
        ]
        return [_unbreakable(block) for block in found] if self.language == "fr" else found

    def say(self, key: str, **values: str) -> str:
        """A text."""
        return _texts("texts", self.language)[key].format(**values)

    def given(self, stated: Stated | None, what: str) -> str:
        """What is stated, else the mark that it is to be filled in."""
        text = stated_in(stated, self.language)
        return text if text is not None else f"{BEGIN}{self.say('to_fill', what=self.say(what))}{END}"

    def _party(self, party: Party, what: str) -> str:
        known = [part for part in (party.name, party.address, party.contact) if part]
        return ", ".join(known) if party.name else self.given(None, what)

    def _count(self, value: int) -> str:
        return number(value, self.language)

    @property
    def _decisive(self) -> list[ServedModel]:
        return [one for one in self.facts.models if one.manifest.decisive]

    def _record(self) -> Iterator[DossierBlock]:
        own = self.stated.processing
        people = [self.given(own.people, "people_what")]
        if day := self.facts.last_day:
            date = iso_date(day.manifest.as_of.isoformat(), self.language)
            people.append(self.say("people_count", n=self._count(day.manifest.customers), date=date))
        rows = [
            ("controller", self._party(self.stated.controller, "controller_what")),
            ("dpo", self._party(self.stated.dpo, "dpo_what")),
            ("purpose", self.given(own.purpose, "purpose_what")),
            ("legal_basis", self.given(own.legal_basis, "legal_basis_what")),
            ("people", "; ".join(people) if self.language == "en" else " ; ".join(people)),
            ("data", self._data()),
            ("source", self.given(own.source, "source_what")),
            ("recipients", self.say("recipients_see")),
            ("transfers", self.given(own.transfers, "transfers_what")),
            ("limits", self.say("limits_see")),
            ("security", self.say("security_see")),
        ]
        yield DossierBlock("h2", self.say("record"))
        yield self._table(("item", "content"), [(self.say(key), text) for key, text in rows])
        yield DossierBlock("h3", self.say("models"))
        models = [self._model_row(one) for one in self.facts.models]
        head = ("use_case", "predicts", "effect", "version", "files")
        yield self._table(head, models) if models else DossierBlock("p", self.say("models_none"))
        yield DossierBlock("h3", self.say("limits"))
        yield self._table(("store", "holds", "oldest", "kept"), list(self._store_rows()))
        yield DossierBlock("p", self._last_contact())

    def _table(self, head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> DossierBlock:
        return DossierBlock("table", rows=(tuple(map(self.say, head)), *rows))

    def _model_row(self, model: ServedModel) -> tuple[str, ...]:
        manifest = model.manifest
        outcome = manifest.outcome_in(self.language) or self.given(None, "predicts_none")
        kind = manifest.effect or "marketing"
        decision = manifest.human_decision or ""
        date = iso_date(manifest.trained_to, self.language) if manifest.trained_to else ""
        return (
            manifest.titled(self.language),
            outcome,
            self.say(f"effect_{kind}", decision=decision),
            self.say("version_says" if date else "version_table", version=model.version, date=date),
            ", ".join(model.sources) or self.say("files_unknown"),
        )

    def _store_rows(self) -> Iterator[tuple[str, ...]]:
        for one in self.facts.stores:
            if one.holds != "nobody" and one.files:
                oldest = iso_date(one.oldest, self.language) if one.oldest else "—"
                name = _texts("stores", self.language)[one.name]
                yield name, self.say(f"holds_{one.holds}"), oldest, self._rule(one.rule)

    def _rule(self, rule: str) -> str:
        """A rule in words."""
        text, _, note = rule.partition(" ")
        if text[:-1].isdigit() and text[-1] in _SPANS and not note.startswith("with"):
            span = f"{text[:-1]} {_SPANS[text[-1]][self.language == 'fr']}"
            if note == "after the last contact":
                return f"{span} {'après la dernière manifestation' if self.language == 'fr' else note}"
            return f"{span} {note}".strip()
        return _RULES.get(rule, rule) if self.language == "fr" else rule

    def _last_contact(self) -> str:
        day, events = self.facts.last_day, self.facts.contact_events
        if not events or day is None:
            return self.say("last_contact_unknown")
        date = iso_date(day.manifest.as_of.isoformat(), self.language)
        return self.say("last_contact", after=self._rule(self.facts.last_contact), events=", ".join(events), date=date)

    def _data(self) -> str:
        others = self.say("data_others", n=self._count(len(self._other_features())))
        return self.say("data_says", events=self._event_kinds(), others=others)

    def _event_kinds(self) -> str:
        kinds = sorted({one.event for model in self.facts.models for one in model.manifest.features if one.event})
        return self.say("data_events", kinds=", ".join(kinds)) if kinds else self.say("data_no_events")

    def _other_features(self) -> list[str]:
        """What is known of a customer beside events, as people read it."""
        named = (
            described(one, self.language, model.manifest.labels_of(one.name, self.language))
            for model in self.facts.models
            for one in model.manifest.features
            if not one.event
        )
        return list(dict.fromkeys(named))

    def _assessment(self) -> Iterator[DossierBlock]:
        own, day = self.stated.processing, self.facts.last_day
        yield DossierBlock("h2", self.say("dpia"))
        yield DossierBlock("p", self.say("dpia_why", n=self._count(day.manifest.customers if day else 0)))
        yield DossierBlock("h3", self.say("description"))
        yield DossierBlock("p", self.say("profiling"))
        names = ", ".join(one.manifest.titled(self.language) for one in self._decisive)
        yield DossierBlock("p", self.say("some_decision", names=names) if names else self.say("no_decision"))
        for model in self.facts.models:
            yield from self._features(model)
        yield DossierBlock("h3", self.say("necessity"))
        yield DossierBlock("p", self.given(own.necessity, "necessity_what"))
        yield DossierBlock("h3", self.say("measures"))
        yield DossierBlock("list", items=tuple(self._measures()))
        yield DossierBlock("h3", self.say("not_done"))
        undone = ("not_encryption", "not_sources", "not_quarantine", "not_who")
        yield DossierBlock("list", items=tuple(map(self.say, undone)))
        yield DossierBlock("h3", self.say("owner_measures"))
        security = [stated_in(one, self.language) or "" for one in own.security]
        yield DossierBlock("list", items=tuple(security) or (self.given(None, "security_what"),))
        yield DossierBlock("h3", self.say("risks"))
        risks = ("r_unfair", "r_wrong", "r_leak", "r_longer")
        answers = {one: f"{one}_a" for one in risks} | (
            {} if self.facts.holds("monitoring") else {"r_wrong": "r_wrong_none"}
        )
        rows = [(self.say(one), self.say(answers[one]), self.given(None, "r_what")) for one in risks]
        yield self._table(("risk", "answer", "rest"), rows)
        yield DossierBlock("h3", self.say("opinion"))
        yield DossierBlock("p", self.given(own.consulted, "opinion_what"))

    def _features(self, model: ServedModel) -> Iterator[DossierBlock]:
        manifest = model.manifest
        names = [
            described(one, self.language, manifest.labels_of(one.name, self.language)) for one in manifest.features
        ]
        yield DossierBlock("h3", self.say("features", title=manifest.titled(self.language)))
        yield DossierBlock("p", "; ".join(names) if self.language == "en" else " ; ".join(names))
        if manifest.forbid:
            yield DossierBlock("p", self.say("forbidden", names=", ".join(manifest.forbid)))
        accepted = model.use_case.accepted_sensitive if model.use_case else {}
        if accepted:
            yield DossierBlock("p", self.say("sensitive", names=", ".join(accepted)))

    def _measures(self) -> Iterator[str]:
        facts = self.facts
        yield self.say("m_objection", n=self._count(facts.objectors))
        yield self.say("m_erasure", n=self._count(facts.erased))
        if facts.consent:
            yield self.say("m_consent", channel=facts.consent[0], purpose=facts.consent[1])
        else:
            yield self.say("m_consent_none")
        keys = ", ".join(f"{name} ({scopes})" for name, scopes in facts.keys)
        yield self.say("m_keys", n=self._count(len(facts.keys)), keys=keys) if keys else self.say("m_keys_none")
        whole = self.say("yes" if facts.trail_whole else "no")
        lines = self._count(facts.trail_lines)
        yield self.say("m_trail", n=lines, whole=whole) if facts.trail_lines else self.say("m_trail_none")
        yield self.say("m_decisions" if facts.holds("decisions") else "m_decisions_none")
        yield self.say("m_files", n=self._count(facts.open_files))
        yield from map(self.say, ("m_models", "m_reasons", "m_logs"))

    def _notice(self) -> Iterator[DossierBlock]:
        own = self.stated.processing
        who = self._party(Party(name=self.stated.controller.name), "controller_what")
        outcomes = [
            one.manifest.outcome_in(self.language) or self.given(None, "predicts_none") for one in self.facts.models
        ]
        kept = kept_days(self.home)
        last = (
            self.say("n_last", after=self._rule(self.facts.last_contact))
            if self.facts.contact_events
            else self.say("n_last_unknown", what=self.given(None, "n_last_what"))
        )
        yield DossierBlock("h2", self.say("notice"))
        for text in (
            self.say("n_who_decisive" if self._decisive else "n_who", controller=who),
            self.say(
                "n_purpose",
                purpose=self.given(own.purpose, "purpose_what"),
                basis=self.given(own.legal_basis, "legal_basis_what"),
            ),
            self.say("n_what", outcomes=", ".join(outcomes) or "—"),
            self.say(
                "n_data",
                events=self._event_kinds(),
                others=", ".join(self._other_features()),
                source=self.given(own.source, "source_what"),
            ),
            self.say("n_logic"),
            self.say(
                "n_recipients",
                recipients=", ".join(self._stated_recipients()),
                transfers=self.given(own.transfers, "transfers_what"),
            ),
            self.say("n_kept", keep=self._count(kept.keep), months=self._count(kept.months), last=last),
            self.say("n_rights", rights=self.given(own.rights, "n_rights_what")),
            self.say("n_complain", authority=self.given(own.authority, "n_complain_what")),
        ):
            yield DossierBlock("p", text)

    def _stated_recipients(self) -> tuple[str, ...]:
        stated = [stated_in(one, self.language) or "" for one in self.stated.processing.recipients]
        return tuple(stated) or (self.given(None, "recipients_what"),)

    def _recipients(self) -> Iterator[DossierBlock]:
        yield DossierBlock("h2", self.say("recipients_part"))
        if self.facts.doors:
            rows = [
                (self.say(f"door_{one.by}"), one.format, self._count(one.lists), self._count(one.customers))
                for one in self.facts.doors
            ]
            yield DossierBlock("p", self.say("lists_left"))
            yield self._table(("door", "format", "lists", "customers"), rows)
        else:
            yield DossierBlock("p", self.say("lists_none"))
        asking = [
            f"{name} ({scopes})" for name, scopes in self.facts.keys if {"customers", "admin"} & {*scopes.split(", ")}
        ]
        yield DossierBlock("p", self.say("callers", keys=", ".join(asking)) if asking else self.say("callers_none"))
        if self.facts.alerts:
            yield DossierBlock("p", self.say("alerts", receivers=", ".join(self.facts.alerts)))
        yield DossierBlock("p", self.say("stated_recipients"))
        yield DossierBlock("list", items=self._stated_recipients())


def _unbreakable(block: DossierBlock) -> DossierBlock:
    rows = tuple(tuple(map(unbreakable, row)) for row in block.rows)
    return DossierBlock(block.kind, unbreakable(block.text), tuple(map(unbreakable, block.items)), rows)
