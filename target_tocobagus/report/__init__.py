"""What a person or a rerun needs: rejected rows, totals, progress, the log."""
