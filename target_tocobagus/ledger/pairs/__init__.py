"""Lookups: which item a `match` of another stream stands for.

pairs               the pairs, and what changes with them
waiting_rows        rows that wait for their pair
renamed_rejections  open rejections of rows whose pair is known now, or has changed
"""
