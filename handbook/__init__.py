"""The site of docs/: pages laid out by language, and a reference made from the code."""
