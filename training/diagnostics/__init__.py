"""What a trained model shows on the test rows beside its metrics; nothing here decides anything."""

__all__ = ["business_value", "feature_importance", "findings", "groups", "outliers", "reference_forest"]
