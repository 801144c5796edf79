"""Sums: the parts of stocks that are added up (`combine: sum`).

parts               what a run asks of them, and writes
part_changes        what records say of parts, put in place of what is known
kept_totals         the sums of stocks with many parts, kept during a run
sure_sums           which accepted levels surely are the sums of their parts
part_rows           reads and writes their table
part_statements     the statements for it
"""
