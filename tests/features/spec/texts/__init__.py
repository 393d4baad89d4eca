"""Tests of `features.spec.texts`."""
