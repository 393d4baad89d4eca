"""Free texts as marks of words: the one rule by which training and serving read them."""

__all__ = ["text_marks"]
