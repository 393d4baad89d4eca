"""How many calls may wait, in which order they are answered, and when one is refused with a 503."""

__all__ = ["load_shedding", "scheduler"]
