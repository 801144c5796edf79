"""From stdin to messages; with `target` and `sinks` the only place that knows the SDK.

Its files:

    input_lines        cuts the input into lines
    reader             bytes to lines, lines to messages, messages to their handlers
    messages           handles each: SCHEMA to sinks, RECORD to outcomes, STATE to checkpoints
    stream_setup       at a SCHEMA: the mapping, watches, remarks in the log
    stream_maps        the SDK's stream maps and flattening, for one stream
    batch_files        the records in the files that a BATCH message names
    fast_path          RECORD lines of which only the mapped columns are decoded
    stream_decoder     the columns that are decoded, and the values that were learnt
    clean_values       which values are used as they are; pure
    extracted_times    when records were extracted
    rejected_again     rows that earlier runs have rejected, sent again
    stdout             STATE lines for Meltano
    env                the settings in the environment
    sdk                the private names of singer_sdk that are used, and its signals
"""
