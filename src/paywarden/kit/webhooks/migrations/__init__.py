"""Schema migrations of webhooks."""
