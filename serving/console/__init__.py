"""The pages for people, in French and English."""

__all__ = ["pages", "views", "web"]
