"""The dossier: what a firm keeps on its processing, from what really runs and from what its owner states."""

__all__ = ["dossier_facts", "dossier_file", "render", "sections"]
