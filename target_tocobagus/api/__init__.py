"""One signed PATCH: from items to a reply."""
