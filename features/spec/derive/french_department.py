"""The French département of a postcode, by its first digits as La Poste gives them out.

A few dozen communes at a border are served by the office of the neighbour and have its digits; to know these takes the
list of communes, not the postcode. Monaco (98000) is no département.
"""

from __future__ import annotations

import re

from features.spec.ids import read_id

_code = re.compile(r"(?:FR?[- ]?)?(\d{4,5})", re.IGNORECASE)
_MAINLAND = {f"{number:02}" for number in range(1, 96)} - {"20"}
_OVERSEAS = {"971", "972", "973", "974", "975", "976", "977", "978", "984", "986", "987", "988"}
_ISLANDS = {"97133": "977", "97150": "978"}  # Saint-Barthélemy and Saint-Martin kept Guadeloupe's postcodes


def french_department(postcode: object) -> str | None:
    """The code of the département or overseas territory; None where it is no French postcode.

    Corsica is 2A (200 and 201) and 2B (202 to 206); overseas it is three digits. A zero lost at the front is put back.

    >>> [french_department(code) for code in ("75011", 1000, "20190", "20200", "97410", "98800", "F-69 003", "98000")]
    ['75', '01', '2A', '2B', '974', '988', '69', None]
    """
    text = read_id(postcode)
    found = _code.fullmatch(text.replace(" ", "")) if text else None
    if found is None:
        return None
    code = found[1].zfill(5)
    if code.startswith("20"):
        return "2A" if code[2] in "01" else "2B" if code[2] in "23456" else None
    if code[:2] in ("97", "98"):
        return _ISLANDS.get(code, code[:3] if code[:3] in _OVERSEAS else None)
    return code[:2] if code[:2] in _MAINLAND else None
