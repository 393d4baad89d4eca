"""The rows of a training: their parts, the encoder that is learned from them, and the customers of today."""

__all__ = ["calendar_drift", "clusters", "encode", "population", "split", "text_corpus", "text_themes", "text_words"]
