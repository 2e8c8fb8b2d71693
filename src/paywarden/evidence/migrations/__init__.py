"""Schema of the evidence room."""
