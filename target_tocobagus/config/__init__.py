"""The configuration: its schema, what is wrong with it, its values.

Its files:

    schemas/      the settings, mappings included, as JSON Schema
    validation    what is wrong with a configuration
    settings      its values, with their defaults
    hidden        which parts of it must never be shown
"""
