"""What a person or a rerun needs: rejected rows, totals, progress, the log.

Its files:

    console         cleans each line of the log; short lines on a terminal
    log_stream      stderr that does not block
    progress        the progress of a run: a live line, or log lines now and then
    rejects         rejected rows: to the log always, and to a file if one is set
    rejects_file    opens that file, for one run at a time
    advice          what to do about a refused row, by its code
    totals          a run's totals and its summary
    freshness       how old accepted stock was, and how long answers took
    metrics         a run's figures for Prometheus
"""
