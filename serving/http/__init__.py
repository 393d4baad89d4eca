"""An HTTP answer, its security headers, and the problem documents of RFC 9457."""

__all__ = ["headers", "pointers", "problems", "reply"]
