"""The effect of a contact, learned from a campaign that chance drew: two models, and whether they are worth using."""

__all__ = ["campaign_rows", "learned_uplift", "treated_rows"]
