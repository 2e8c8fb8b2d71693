"""Shipped models of customer risk, as text."""
