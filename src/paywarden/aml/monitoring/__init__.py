"""Monitoring of behaviour against typologies, in the payment path and over the log."""
