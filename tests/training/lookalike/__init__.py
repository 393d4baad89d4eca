"""Tests of `training.lookalike`."""
