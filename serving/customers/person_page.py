"""A person's copy as one page of HTML that needs nothing else and prints well."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

from features.spec.languages import Language
from scoring.text.formatting import colon, figure, iso_date, percent, unbreakable
from serving.customers.keeping import Keeping
from serving.customers.kept import CustomerExport, PersonCopy, PersonScore

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}"
    "table{border-collapse:collapse;width:100%;margin:.4rem 0}"
    "th,td{padding:.2rem .5rem;border-bottom:1px solid #d8dde3;text-align:left;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".small{color:#57606a;font-size:.85em}@media print{body{margin:0;max-width:none;font-size:11px}"
    "h2{break-after:avoid}tr{break-inside:avoid}}"
)
Words = Mapping[str, str]


@cache
def _words(language: Language) -> Words:
    texts = tomllib.loads((Path(__file__).parent / "person_texts.toml").read_text(encoding="utf-8"))
    found = {key: forms[language] for key, forms in texts.items()}
    return {key: unbreakable(text) for key, text in found.items()} if language == "fr" else found


def person_page(exported: CustomerExport, copy: PersonCopy, keeping: Keeping, language: Language) -> str:
    """The page: every score with what made it up, then all else that is kept, its sources, and until when."""
    words = _words(language)
    title = f"{words['title']} {exported['customer_id']}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class='small'>{escape(words['made'].format(iso_date(copy['made_at'], language)))}</p>",
        _paragraphs(words["intro"]),
        *_scores(copy, words, language),
        *_rest(exported, copy, words, language),
        *_sources(copy, words),
        *_keeping(keeping, words),
        f"<h2>{escape(words['rights'])}</h2>{_paragraphs(words['rights_say'])}",
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="{language}"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _scores(copy: PersonCopy, words: Words, language: Language) -> Iterator[str]:
    yield f"<h2>{escape(words['scores'])}</h2>{_paragraphs(words['scores_say'])}"
    for name, effect in copy["effects"].items():
        yield f"<p><strong>{escape(name)}</strong>{colon(language)}{escape(words['effect_' + effect['effect']])} "
        yield f"{escape(words['decides'])} {escape(effect['human_decision'])}</p>"
    if not (copy["scores"] or copy["now"]):
        yield f"<p>{escape(words['no_scores'])}</p>"
    rows = [_score_row(one, words, language) for one in (*copy["now"], *copy["scores"])]
    names = ("about", "at", "version", "score", "percentile", "band", "segment", "until")
    yield _table([_capital(words[name]) for name in names], rows, numbers=(3, 4))
    explained = [one for one in (*copy["now"], *copy["scores"]) if one["contributions"]]
    if explained:
        yield f"<h2>{escape(words['why'])}</h2>{_paragraphs(words['why_says'])}"
    for one in explained:
        yield _contributions(one, words, language)


def _score_row(one: PersonScore, words: Words, language: Language) -> list[str]:
    return [
        one["title"],
        f"{iso_date(one['at'], language)} ({words['origin_' + one['origin']]})",
        one["model_version"],
        figure(one["score"], language, decimals=1),
        "" if one["percentile"] is None else str(one["percentile"]),
        one["band_label"],
        one["segment"] or "",
        words["not_kept"] if one["kept_until"] is None else iso_date(one["kept_until"], language),
    ]


def _contributions(one: PersonScore, words: Words, language: Language) -> str:
    """All contributions of one score, with where it starts from and what it comes to."""
    called = f"{one['title']}, {iso_date(one['at'], language)}, {words['version']} {one['model_version']}"
    rows = [[words["base"], "", _odds(one["base_value"] or 0.0, language)]]
    rows += [
        [
            share["text"],
            words["raises" if share["contribution"] >= 0 else "lowers"],
            _odds(share["contribution"], language),
        ]
        for share in one["contributions"] or ()
    ]
    if one["probability"] is not None:
        rows.append([words["result"], "", percent(one["probability"], language, decimals=1)])
    table = _table([words["known"], words["does"], words["by"]], rows, numbers=(2,))
    until = one["contributions_until"]
    note = f"<p class='small'>{escape(words['features_until'].format(iso_date(until, language)))}</p>" if until else ""
    return f"<h3>{escape(called)}</h3>{table}{note}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _odds(value: float, language: Language) -> str:
    return figure(value, language, decimals=4)


def _rest(exported: CustomerExport, copy: PersonCopy, words: Words, language: Language) -> Iterator[str]:
    """What is kept beside scores; a section without a row is said to be empty."""

    def day(moment: str) -> str:
        return iso_date(moment, language)

    yield _section(
        words, "stored", [words["known"], words["value"]],
        [[name, _shown(value, words)] for row in exported["store"] for name, value in row["features"].items()],
    )  # fmt: skip
    yield _section(
        words, "segments", [words["at"], words["segment"]],
        [[day(one["at"]), one["label"]] for one in copy["segments"]],
    )  # fmt: skip
    yield _section(
        words, "lists", [words["at"], words["list_of"], words["until"]],
        [[day(one["at"]), one["what"], day(one["kept_until"])] for one in copy["lists"]],
    )  # fmt: skip
    yield _section(
        words, "deliveries", [words["name"], words["what"], words["first_at"], words["last_at"], words["removed_at"]],
        [
            [one["destination"], ", ".join(words[f"field_{name}"] for name in one["fields"]), day(one["at"]),
             day(one["last_at"]), "" if one["removed_at"] is None else day(one["removed_at"])]
            for one in copy["deliveries"]
        ],
    )  # fmt: skip
    yield _section(
        words, "campaigns", [words["at"], words["about"], words["arm"], words["until"]],
        [
            [day(one["at"]), one["use_case"], words.get(f"arm_{one['arm']}", one["arm"]), day(one["kept_until"])]
            for one in copy["campaigns"]
        ],
    )  # fmt: skip
    yield _section(
        words, "contested", [words["at"], words["about"], words["outcome"], words["who"], words["said"]],
        [
            [day(one["at"]), one["use_case"], words[f"outcome_{one['outcome']}"], one["by"], one["text"]]
            for one in exported["contestations"]
        ],
    )  # fmt: skip
    yield f"<h2>{escape(words['objection'])}</h2>"
    yield f"<p>{escape(words['objected' if exported['opted_out'] else 'not_objected'])}</p>"
    if erased := exported["erased_at"]:
        yield f"<p>{escape(words['erased'].format(day(erased)))}</p>"


def _section(words: Words, key: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    shown = _table(heads, rows) if rows else f"<p>{escape(words['nothing'])}</p>"
    return f"<h2>{escape(words[key])}</h2>{shown}"


def _sources(copy: PersonCopy, words: Words) -> Iterator[str]:
    rows = [[one["name"], words[f"source_{one['what']}"], one["use_case"]] for one in copy["sources"]]
    yield _section(words, "sources", [words["name"], words["what"], words["about"]], rows)


def _keeping(keeping: Keeping, words: Words) -> Iterator[str]:
    rules = keeping.rules
    spans = {
        "decisions": keeping.decisions,
        "outcomes": rules.outcomes,
        "requests": rules.requests,
        "contact_history": rules.contact_history,
        "campaigns": rules.campaigns,
        "last_contact": rules.last_contact,
    }
    said = {
        "kept_features": f"{keeping.days.days}",
        "kept_scores": f"{keeping.months}",
        **{f"kept_{name}": _span(words, str(span)) for name, span in spans.items()},
    }
    lines = "".join(f"<li>{escape(words[key].format(span))}</li>" for key, span in said.items())
    yield f"<h2>{escape(words['kept'])}</h2><ul>{lines}</ul>"


def _span(words: Words, text: str) -> str:
    """A span in words: `13m` is 13 months."""
    return words[f"span_{text[-1]}"].format(text[:-1])


def _shown(value: object, words: Words) -> str:
    return words["unknown"] if value is None else str(value)


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in text.splitlines() if line.strip())


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(_cell(cell, at in numbers) for at, cell in enumerate(row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _cell(text: str, number: bool) -> str:
    return f"<td class='n'>{escape(text)}</td>" if number else f"<td>{escape(text)}</td>"
