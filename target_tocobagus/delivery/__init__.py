"""From batches to outcomes: workers, retries, limits, one outcome for each row."""
