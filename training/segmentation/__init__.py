"""Groups of customers that are found rather than defined: registered, decided and installed as models are."""

__all__ = ["discover", "discovery_record", "prototypes", "register", "sheets"]
