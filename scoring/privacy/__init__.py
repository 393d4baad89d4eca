"""Who objected to being scored, kept as keyed hashes, and who did what with what is kept of customers."""

__all__ = ["audit_trail", "id_files", "marks_of_trail", "retention_file", "suppression", "trail_check"]
