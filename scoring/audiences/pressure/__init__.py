"""How often customers are contacted, and who never is: rules of run.toml, the history of lists, the control group."""

__all__ = ["contact_history", "pressure_rules", "restraint"]
