"""MLflow: runs, versions and aliases, and the model it stores."""

__all__ = ["mlflow_registry"]
