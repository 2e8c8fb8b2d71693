"""Schema migrations of verdicts."""
