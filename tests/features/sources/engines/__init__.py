"""Engines that compute features elsewhere."""
