"""What the page Deliveries shows, from the records that syncs leave."""

__all__ = ["delivery_board"]
