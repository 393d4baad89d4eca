"""What all packages share: features, findings and the grammar of written values; standard library and numpy only."""

__all__ = ["feature", "formats"]
