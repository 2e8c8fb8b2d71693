"""Schema migrations of the evidence room."""
