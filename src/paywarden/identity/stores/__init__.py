"""Stores of the identity room."""
