"""A day's index by columns: what its columns hold, what a query may ask of them, and who is in a row."""

__all__ = ["index_columns", "index_customers", "query_filters"]
