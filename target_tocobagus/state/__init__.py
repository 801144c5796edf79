"""STATE, never ahead of the rows that it covers."""
