"""What is known of each level: accepted, in doubt, named, refused.

tables          the tables of one store, and the connections to them
levels          what was accepted: the statements that run for every row
memory          what follows from it: what needs no request, what is in doubt; pure
rejections      rows that were refused, and are not settled since
named_days      the day on which a row named a level last
absent          levels that no row has named since
sources         streams under their mappings
"""
