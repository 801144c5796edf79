"""Lookups: which item a `match` stands for, by another stream.

Its files:

    pairs               the pairs, and what changes with them
    renamed_rejections  rows that were rejected without a pair get it, once it is known
"""
