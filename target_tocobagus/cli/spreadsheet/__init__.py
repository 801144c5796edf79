"""A spreadsheet that was saved as CSV, in place of a tap's output.

Its files:

    formats    what a file is that is neither CSV nor a tap's output
    dialect    a file's encoding and the delimiter of its columns
    header     whether the first row is a header
    table      the rows, as tap-csv reads them
    stream     writes a table as the messages of tap-csv
"""
