"""Who objected to being scored, kept as keyed hashes."""

__all__ = ["id_files", "suppression"]
