"""The way of a batch: compared, marked, sent, answered; and what runs have left open.

recording       records that way
comparing       compares updates with what is known, before they wait and before they leave
marks           a batch that is marked, and what a reply settles of it
level_rows      items as rows of the tables, written together
changes         the old and the new quantity of a level, and what its record said
history         what is kept for a time only: batches, changes, closed rejections, runs
left_open       values in doubt, and rows that are refused still
"""
