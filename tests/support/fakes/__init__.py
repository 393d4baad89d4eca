"""Stateful stand-ins of the tools that send, written by us from what their vendors publish."""
