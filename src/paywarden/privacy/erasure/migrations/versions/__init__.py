"""Schema migrations of erasures."""
