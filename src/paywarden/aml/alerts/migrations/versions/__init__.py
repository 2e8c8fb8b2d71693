"""Schema migrations of the decision room."""
