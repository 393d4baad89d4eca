"""The supervisor that BentoML starts: what serving/patches changes of it."""
