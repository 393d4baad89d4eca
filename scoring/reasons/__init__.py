"""The strongest contributions of a score, as sentences of a reviewed catalogue."""

__all__ = [
    "comparison",
    "move_texts",
    "persona_names",
    "reason",
    "reason_columns",
    "reasons",
    "sentences",
    "value_texts",
]
