"""Files of customers scored batch by batch, resumed after a kill."""

__all__ = ["batch_answers", "customer_move", "score_files", "segment_columns", "table_answers", "use_case_columns"]
