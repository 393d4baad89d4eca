"""The server: `python -m serving` answers scores and explanations over HTTP, and shows them to people."""
