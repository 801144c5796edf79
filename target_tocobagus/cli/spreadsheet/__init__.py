"""A spreadsheet that was saved as CSV, in place of a tap's output.

formats    what a file is that is neither CSV nor a tap's output
dialect    a file's encoding and the delimiter of its columns
header     a header, told from a title and from data
table      the rows, as tap-csv reads them
stream     the messages that tap-csv writes
"""
