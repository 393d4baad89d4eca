"""`segments.toml`: what a business calls its customers; read whole, every fault with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import msgspec
from msgspec import Struct

from features.spec.feature import Feature, Json
from features.spec.languages import LANGUAGES
from scoring.segments.coverage import Bounds, uncovered, unreachable
from scoring.segments.cut_points import Cuts
from scoring.segments.goals import Goal, GoalError, read_goal
from scoring.segments.names import Level
from scoring.segments.policy import LEVELS, Guidance, Policy, Segment, days
from scoring.segments.rule_texts import STATUSES, exact_texts, level_texts, with_known_texts
from scoring.segments.rules import DISCOVERED, FIELDS, MARGIN, Kind, Rule, RuleError, names

_CODE = re.compile(r"[a-z][a-z0-9_]*")
_KEYS: Mapping[str, tuple[type, ...]] = {
    "code": (str,),
    "label": (dict,),
    "rule": (str,),
    "level": (int,),
    "parent": (str,),
    "exclusive": (bool,),
    "priority": (int,),
    "stay": (str,),
    "minimum_stay": (str,),
    "action": (dict,),
    "objective": (str,),
    "owner": (str,),
    "review_by": (date,),
    "goal": (dict,),
}
_KINDS: Mapping[str, Kind] = {
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "category": "text",
    "date": "date",
}


Table = Mapping[str, Json | date]  # of TOML, not checked yet


class _Stated(Struct, frozen=True):
    """A [[segment]] whose keys are of their types, but for its label."""

    code: str
    rule: str
    level: int = 1
    parent: str | None = None
    exclusive: bool = True
    priority: int = 0
    stay: str | None = None
    minimum_stay: str = "0d"
    objective: str | None = None
    owner: str | None = None
    review_by: date | None = None


class PolicyError(ValueError):
    """A policy cannot be installed; `faults` names each with its line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def read_policy(
    text: str,
    use_cases: Mapping[str, tuple[Feature, ...]],
    cuts: Mapping[str, Cuts] | None = None,
    bands: Mapping[str, Sequence[str]] | None = None,
    clusters: Mapping[str, Sequence[str]] | None = None,
) -> Policy:
    """The policy of a TOML text over the released use cases, their features, cut-points and codes of bands.

    `clusters` has the codes of each segmentation in service, which rules call `discovered.NAME`.

    The cut-point of a feature that several use cases have is that of the one the policy names first.

    Raises:
        PolicyError: It does not parse, names what is not there, has a segment nobody can be in, or leaves customers
            without one.
    """
    text = text.removeprefix("\ufeff")  # as some editors begin a file
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([f"The policy must be TOML: {error}."]) from error
    reader = _Reader(text, document, use_cases, cuts or {}, bands or {}, clusters or {})
    policy = reader.read()
    if not reader.faults:
        reader.check_reach(policy)
    if reader.faults:
        raise PolicyError(reader.faults)
    return policy


class _Reader:
    """One pass over a policy file that gathers faults instead of stopping at the first."""

    def __init__(
        self,
        text: str,
        document: Table,
        use_cases: Mapping[str, tuple[Feature, ...]],
        cuts: Mapping[str, Cuts],
        bands: Mapping[str, Sequence[str]],
        clusters: Mapping[str, Sequence[str]],
    ) -> None:
        self.faults: list[str] = []
        self._lines = text.splitlines()
        self._starts = [number for number, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*segment\s*]]", line)]
        self._document = document
        self._asked = self._use_cases(use_cases)
        self._features = [feature for name in self._asked for feature in use_cases[name]]
        self._clusters = {f"{DISCOVERED}.{name}": codes for name, codes in clusters.items()}
        self._kinds = self._known_kinds()
        self._levels = level_texts(self._features)
        self._codes = {f"{name}.band": exact_texts(bands[name]) for name in self._asked if name in bands}
        self._codes |= {f"{name}.status": exact_texts(STATUSES) for name in self._asked}
        self._codes |= {name: exact_texts(codes) for name, codes in self._clusters.items()}
        self._cuts = {feature: cut for name in reversed(self._asked) for feature, cut in cuts.get(name, {}).items()}

    def read(self) -> Policy:
        """The policy, as far as it can be understood."""
        tables = self._document.get("segment")
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            self.faults.append("line 1: A policy needs at least one [[segment]], got none.")
            tables = []
        strangers = sorted(self._document.keys() - {"use_cases", "segment"})
        self.faults += [
            f"line {self._find(key)}: A policy holds use_cases and [[segment]], got {key}." for key in strangers
        ]
        read = {number: found for number, table in enumerate(tables) if (found := self._segment(number, table))}
        self._check_family(read, {str(table.get("code")) for number, table in enumerate(tables) if number not in read})
        segments = list(read.values())
        policy = Policy(tuple(self._asked), tuple(segments), {})
        return Policy(policy.use_cases, policy.segments, {name: self._kinds[name] for name in sorted(policy.columns)})

    def check_reach(self, policy: Policy) -> None:
        """Segments nobody can be in, and customers without one."""
        places = {segment.code: number for number, segment in enumerate(policy.segments)}
        for segment in unreachable(policy, self._bounds()):
            line = self._line(places[segment.code], "rule")
            self.faults.append(
                f"line {line}: Nobody can be in {segment.code}: its rule never holds after those before it."
            )
        hole = uncovered(policy, self._bounds())
        if hole is not None:
            example = ", ".join(f"{name} {'null' if value is None else value!r}" for name, value in hole.items())
            line = self._line(len(places) - 1, "rule")
            self.faults.append(
                f"line {line}: Every customer needs a segment of level 1, got none for {example or 'anyone'}; "
                'end the level with rule = "TRUE".'
            )

    def _use_cases(self, known: Mapping[str, tuple[Feature, ...]]) -> list[str]:
        asked = self._document.get("use_cases")
        if not isinstance(asked, list) or not asked or not all(isinstance(name, str) for name in asked):
            self.faults.append(f"line {self._find('use_cases')}: `use_cases` must list at least one use case by name.")
            return []
        for name in asked:
            if name not in known:
                released = ", ".join(sorted(known)) or "none"
                self.faults.append(
                    f"line {self._find('use_cases')}: A use case must be released ({released}), got {name}."
                )
        return [name for name in asked if name in known]

    def _known_kinds(self) -> dict[str, Kind]:
        kinds: dict[str, Kind] = {f"{name}.{field}": kind for name in self._asked for field, kind in FIELDS.items()}
        kinds |= {f"{name}{MARGIN}": "number" for name in self._clusters}
        kinds |= dict.fromkeys(self._clusters, "text")
        return kinds | {feature.name: _KINDS[feature.type] for feature in self._features if feature.type in _KINDS}

    def _bounds(self) -> Bounds:
        published = {"score": (0.1, 99.9), "probability": (0.0, 1.0), "percentile": (1.0, 100.0)}
        bounds: dict[str, tuple[float | None, float | None]] = {
            f"{name}.{field}": span for name in self._asked for field, span in published.items()
        }
        bounds |= {f"{name}{MARGIN}": (0.0, None) for name in self._clusters}
        return bounds | {feature.name: (feature.lower, feature.upper) for feature in self._features}

    def _segment(self, number: int, table: Table) -> Segment | None:
        before = len(self.faults)
        for key in table:
            if key not in _KEYS:
                self._fault(number, key, f"A segment holds {', '.join(_KEYS)}, got {key}.")
            elif type(table[key]) not in _KEYS[key]:
                self._fault(number, key, f"`{key}` must be {_KEYS[key][0].__name__}, got {type(table[key]).__name__}.")
        for key in ("code", "label", "rule"):
            if key not in table:
                self._fault(number, "", f"A segment needs `{key}`, got none.")
        if len(self.faults) > before:
            return None
        stated = msgspec.convert(table, _Stated)
        if not _CODE.fullmatch(stated.code):
            self._fault(number, "code", f"A code is written in a-z, 0-9 and _, got {stated.code!r}.")
        labels, level = self._texts(number, "label", table["label"]), self._level(number, stated.level)
        rule, stay = self._rule(number, "rule", stated.rule), self._rule(number, "stay", stated.stay)
        minimum = self._days(number, stated.minimum_stay)
        action = self._texts(number, "action", table["action"]) if "action" in table else {}
        goal = self._goal(number, table.get("goal"))
        if rule is None or level is None or len(self.faults) > before:
            return None
        return Segment(
            stated.code,
            labels,
            stated.rule,
            rule,
            level=level,
            parent=stated.parent,
            exclusive=stated.exclusive,
            priority=stated.priority,
            stay=stay,
            stay_text=stated.stay,
            minimum_stay=minimum,
            guidance=Guidance(action, stated.objective, stated.owner, stated.review_by, goal),
        )

    def _texts(self, number: int, key: str, given: Json | date) -> dict[str, str]:
        found = given if isinstance(given, Mapping) else {}
        texts = {name: text for name, text in found.items() if isinstance(text, str) and text.strip()}
        if set(found) != set(LANGUAGES) or len(texts) != len(found):
            one = "An action" if key == "action" else "A label"
            self._fault(number, key, f"{one} is needed in fr and en, got something else.")
        return texts

    def _level(self, number: int, given: int) -> Level | None:
        level = next((level for level in LEVELS if level == given), None)
        if level is None:
            self._fault(number, "level", f"A level is 1, 2 or 3, got {given}.")
        return level

    def _rule(self, number: int, key: str, text: str | None) -> Rule | None:
        if text is None:
            return None
        # sqlglot costs a tenth of a second to import, which whoever only uses a policy need not wait for
        from scoring.segments.rule_parser import parse_rule

        try:
            rule = parse_rule(text, self._kinds, self._cuts)
            return with_known_texts(rule, self._levels, self._codes)
        except RuleError as error:
            self._fault(number, key, str(error))
            return None

    def _days(self, number: int, text: str) -> timedelta:
        try:
            return days(text)
        except ValueError as error:
            self._fault(number, "minimum_stay", str(error))
            return timedelta(0)

    def _goal(self, number: int, given: Json | date) -> Goal | None:
        if not isinstance(given, Mapping):
            return None
        try:
            return read_goal(given, self._asked)
        except GoalError as error:
            for rule in error.broken:
                self._fault(number, "goal", rule)
            return None

    def _check_family(self, segments: Mapping[int, Segment], faulty: set[str]) -> None:
        """Codes, parents and rules among segments by their position; `faulty` codes have faults already."""
        seen: dict[str, Segment] = {}
        for number, segment in segments.items():
            if segment.code in seen:
                self._fault(number, "code", f"A code names one segment, got {segment.code} twice.")
            seen[segment.code] = segment
        for number, segment in segments.items():
            parent = seen.get(segment.parent) if segment.parent else None
            wrong = parent is None or not parent.exclusive or parent.level >= segment.level
            if segment.parent and wrong and (parent is not None or segment.parent not in faulty):
                self._fault(
                    number, "parent", f"A parent is an exclusive segment of a level above, got {segment.parent}."
                )
            if not any(True for _ in names(segment.rule)) and segment.rule != ("constant", True):
                self._fault(number, "rule", "A rule must read a feature or a score, or be TRUE.")

    def _fault(self, number: int, key: str, text: str) -> None:
        self.faults.append(f"line {self._line(number, key)}: {text}")

    def _line(self, number: int, key: str) -> int:
        """The line of a key in the n-th segment, else of the segment itself."""
        if number >= len(self._starts):
            return 1
        start = self._starts[number]
        end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self._lines)
        return next(
            (line + 1 for line in range(start, end) if key and re.match(rf'\s*"?{key}"?\s*=', self._lines[line])),
            start + 1,
        )

    def _find(self, key: str) -> int:
        return next((number + 1 for number, line in enumerate(self._lines) if line.lstrip().startswith(key)), 1)
