"""Where the vault keeps its rows; imported by entry points only."""
