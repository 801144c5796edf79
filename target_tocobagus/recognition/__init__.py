"""Which stream holds stock, if the configuration does not say; pure."""
