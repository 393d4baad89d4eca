"""What the page Personas shows: the sheets of discovered groups, and the priorities that people give them."""

__all__ = ["persona_board", "placed_groups", "priorities"]
