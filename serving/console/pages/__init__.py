"""The pages of the console: a posted form or a link in, HTML or a file out."""

__all__ = [
    "audience",
    "campaigns",
    "customer",
    "customer_list",
    "customers",
    "customers_file",
    "deliveries",
    "health",
    "home",
    "model",
    "personas",
    "problem_page",
    "report",
    "segments",
    "sources",
]
