"""Where snapshots lie."""
