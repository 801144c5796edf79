"""The guard: no run takes more of the stock to 0 than it may.

Its files:

    guard           the rules: what counts, which stock-out is too many; pure
    counting        the counts of a run: in flight, and after each answer
    holding         holds the stock-outs that are too many
    zeroed          when levels were taken to 0: written, and counted
"""
