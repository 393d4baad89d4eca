"""Who may call: API keys and their scopes, and sessions of the console."""

__all__ = ["api_keys", "gate", "keyless", "login"]
