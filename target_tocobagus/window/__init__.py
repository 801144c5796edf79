"""The newest value of each item at each location, until it is sent."""
