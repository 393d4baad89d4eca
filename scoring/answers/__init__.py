"""Answers to one request: scores, explanations, and the check of a release before it may give any."""

__all__ = [
    "block_answers",
    "discovered",
    "discovered_alone",
    "explain",
    "flat",
    "policy_proof",
    "prepared_profile",
    "score",
    "score_change",
    "scored_values",
    "served_release",
    "verification",
    "wire",
]
