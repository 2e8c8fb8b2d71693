"""Paywarden: self-hosted payment security and risk control."""
