"""Paywarden: self-hosted payment security and risk control."""

__version__ = "0.1.0"
