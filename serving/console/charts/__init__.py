"""Charts as numbers, which templates turn into SVG and tables."""

__all__ = ["curves", "model_charts", "svg"]
