"""Stores of access reviews."""
