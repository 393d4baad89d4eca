"""Columns of customers' ids as text: the one reading of ids, of a whole column at once."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from features.spec.ids import NOBODY, PLAIN, read_id

_NOBODY = pa.array(sorted(NOBODY))


def id_column(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Each cell's id as text, null where it names nobody; what most ids are is taken over as it stands."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    if pa.types.is_integer(whole.type):
        return whole.cast(pa.string())
    if not (pa.types.is_string(whole.type) or pa.types.is_large_string(whole.type)):
        return pa.array(map(read_id, whole.to_pylist()), pa.string())
    texts = whole.cast(pa.string())
    plain = pc.and_(pc.match_substring_regex(texts, PLAIN), pc.invert(pc.is_in(pc.utf8_lower(texts), _NOBODY)))
    if pc.all(plain.fill_null(False)).as_py():
        return texts
    read = [read_id(text) for text in texts.filter(pc.invert(plain.fill_null(False))).to_pylist()]
    return pc.replace_with_mask(texts, pc.invert(plain.fill_null(False)), pa.array(read, pa.string()))
