"""Stores of alerts, one file per technology."""
