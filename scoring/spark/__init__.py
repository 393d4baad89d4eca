"""Files of customers scored on a Spark cluster: the numbers of one machine, by slices that are planned in one place."""

__all__ = ["score_on_spark"]
