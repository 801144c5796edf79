"""Completes rows by the memory across runs: lookups, sums of parts, complete lists."""
