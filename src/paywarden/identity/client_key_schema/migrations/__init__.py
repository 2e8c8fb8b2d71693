"""Schema migrations of client keys."""
