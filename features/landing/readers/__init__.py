"""One reader for each kind of address: PostgreSQL, S3, Delta, Iceberg, pages of JSON, warehouses."""

__all__ = ["by_address"]
