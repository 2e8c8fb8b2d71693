"""A synthetic payment world and attack campaigns."""
