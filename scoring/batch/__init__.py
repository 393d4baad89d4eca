"""Files of customers scored batch by batch, resumed after a kill."""

__all__ = ["customer_move", "score_files", "table_answers"]
