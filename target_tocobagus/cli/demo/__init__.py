"""``tocobagus demo``: sends real streams to a stand-in for the API.

Its files:

    command      the options, and the order of the demonstration
    processes    the processes that it starts: none outlives it
    rows         the first rows of a stream, and the levels that they are about
    page         the result, on a terminal or in a log
    data/        streams, and the products of the sandbox
"""
