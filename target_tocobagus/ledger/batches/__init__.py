"""The way of a batch: compared, marked, sent, answered.

Its files:

    recording       marks a batch before it leaves, and records its answer
    comparing       compares updates with what is known, before they wait and before they leave
    flight          a batch before its answer, and what a reply settles of it
    level_rows      items as rows of the tables, written together
    changes         the old and the new quantity of a level, and what its record said
    retention       deletes old batches, changes, closed rejections and runs
"""
