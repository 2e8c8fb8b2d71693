"""Hosted card fields: pages, scripts, sessions, and the watch over what they serve."""
