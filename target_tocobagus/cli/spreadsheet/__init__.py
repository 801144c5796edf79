"""A spreadsheet that was saved as CSV, in place of a tap's output."""
