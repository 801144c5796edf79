"""STATE, never ahead of the rows that it covers.

checkpoints    the tap's STATEs that wait, and how one is read and written
gate           whether STATE may go out, and up to which position; pure
writer         writes the newest that is safe
"""
