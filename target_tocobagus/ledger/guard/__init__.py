"""The guard: no run takes more of the stock to 0 than it may.

guard           what is counted, and which stock-out is one too many; pure
counting        counts for it during a run
holding         holds the stock-outs that are too many
zeroed          when levels were taken to 0
"""
