"""Lookups: which item a `match` stands for, by another stream.

Its files:

    pairs               the pairs, and what changes with them
    waiting_rows        rows without a pair, until the end of the run; not kept longer
    renamed_rejections  rows that were rejected without a pair get it, once it is known
"""
