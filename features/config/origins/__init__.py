"""Where rows come from: addresses in the place of paths, and where their copies land."""

__all__ = ["addresses", "origin_sections"]
