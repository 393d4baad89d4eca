"""Who may call: API keys and their scopes, people by their roles, and sessions of the console."""

__all__ = ["api_keys", "gate", "keyless", "login", "sign_in_file"]
