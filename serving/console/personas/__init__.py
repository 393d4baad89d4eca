"""What the page Personas shows: the sheets of discovered groups, and the priorities that people give them."""

__all__ = ["group_values", "persona_board", "placed_groups", "priorities"]
