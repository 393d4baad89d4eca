"""A home copied while it serves, the ledger of who must not come back, and both put back on another machine."""

__all__ = ["backup_manifest", "copy_home", "ledger_copy", "put_back"]
