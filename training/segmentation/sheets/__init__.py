"""What a segmentation says of its groups: their sheets, and the themes that their members write of."""

__all__ = ["group_sheets", "group_themes"]
