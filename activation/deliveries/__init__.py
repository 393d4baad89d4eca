"""Audiences kept at tools that send: whom a destination shall have, what it has of us, and how the two become one."""

__all__ = [
    "audience_rows",
    "deliver",
    "delivery_plan",
    "destination",
    "destination_file",
    "ledger",
    "ledger_file",
    "ledger_table",
    "transport",
]
