"""The configuration: its schema, what is wrong with it, its values."""
