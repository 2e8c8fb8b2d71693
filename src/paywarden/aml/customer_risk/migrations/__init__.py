"""Schema migrations of customer risk."""
