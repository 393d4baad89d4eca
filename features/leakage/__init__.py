"""Columns that know more than they could have known, found by their evidence and by another future."""

__all__ = ["detectors", "perturbation"]
