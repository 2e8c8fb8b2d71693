"""Webhooks: signed messages to the endpoints of others, delivered at least once."""
