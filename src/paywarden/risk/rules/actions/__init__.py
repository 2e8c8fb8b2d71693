"""One file per rule action."""
