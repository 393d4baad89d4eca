"""A trained model as a bundle, with its thresholds, golden rows and receipt."""

__all__ = ["build", "control_model", "families", "shapley_oracle", "value_receipt"]
