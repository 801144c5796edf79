"""Sums: the parts of stocks that are added up (`combine: sum`).

Its files:

    parts               the parts of a store in a run: taken in, added up, ended
    part_changes        what records say of parts, put in place of what is known
    kept_totals         the sums of stocks with very many parts, kept in memory
    sure_sums           sums that need not be added up again, until a part changes
    part_rows           reads and writes their table
    part_statements     the statements for it
"""
