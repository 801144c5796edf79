"""From stdin to messages; with `target` and `sinks` the only place that knows the SDK."""
