"""What was made of what, as OpenLineage events; nothing here fails a run or keeps it waiting."""

__all__ = ["asked", "command_lineage", "dataset", "lineage_file", "tracker"]
