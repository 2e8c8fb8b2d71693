"""Schema migrations of certificate bindings."""
