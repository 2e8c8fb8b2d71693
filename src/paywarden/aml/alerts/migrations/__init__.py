"""Schema migrations of alerts."""
