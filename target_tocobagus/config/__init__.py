"""The configuration: its schema, what is wrong with it, its values.

schemas/      the settings and the mappings, as JSON Schema
validation    what is wrong with a configuration
settings      its values, with their defaults
hidden        which parts of it must never be shown
"""
