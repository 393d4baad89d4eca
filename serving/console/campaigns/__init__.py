"""What the page Campaigns shows, from the files that lists and their results leave."""

__all__ = ["campaign_board"]
