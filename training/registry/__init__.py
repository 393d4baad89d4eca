"""MLflow: runs, versions and aliases, and the model it stores."""

__all__ = ["lines", "mlflow_registry"]
