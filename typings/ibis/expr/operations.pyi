"""What an expression stands on: equal and of one hash where expressions say the same."""

from ibis.expr.types import Table

class Node:
    def to_expr(self) -> Table: ...
