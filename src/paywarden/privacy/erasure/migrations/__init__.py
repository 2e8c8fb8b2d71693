"""Schema of erasures."""
