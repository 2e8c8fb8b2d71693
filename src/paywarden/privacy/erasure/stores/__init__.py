"""Stores of erasures."""
