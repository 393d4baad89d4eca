"""What notebooks call: frames in, frames out."""

__all__ = ["calls"]
