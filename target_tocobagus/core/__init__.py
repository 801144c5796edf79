"""Values, errors and text that every other room uses."""
