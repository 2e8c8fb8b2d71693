"""Readers of published lists: one file per format, recognised by content."""
