"""Schema migrations of the identity room."""
