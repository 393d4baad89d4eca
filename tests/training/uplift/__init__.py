"""Tests of what a campaign teaches."""
