"""Schema migrations of access reviews."""
