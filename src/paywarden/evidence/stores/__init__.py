"""Stores of the evidence room."""
