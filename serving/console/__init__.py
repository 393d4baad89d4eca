"""The pages for people, in French and English."""

__all__ = ["charts", "pages", "views", "web"]
