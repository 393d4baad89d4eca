"""The reference, made from the code: every key, word, command and route, with texts in both languages beside it."""
