"""What is known of each level: accepted, in doubt, named, refused.

Its files:

    tables          all that reads and writes the tables of one store
    levels          what was accepted: the statements that run for every row
    rules           what needs no request, what is in doubt; pure
    rejections      rows that were refused, and are not settled since
    named_days      the day on which a row named a level last
    absent          levels that no row has named since
"""
