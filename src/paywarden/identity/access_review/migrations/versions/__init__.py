"""Schema migrations of the access reviews."""
