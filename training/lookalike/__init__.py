"""Look-alikes of a seed: a model of the seed against all others, how well it finds seed members it has not seen."""

__all__ = ["day_customers", "find_lookalikes", "learned_seed", "lookalike_document", "seed_file", "use_case_customers"]
