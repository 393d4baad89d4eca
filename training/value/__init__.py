"""What customers will bring within a horizon: candidates, the choice between them, and its test out of time."""

__all__ = ["learned_value"]
