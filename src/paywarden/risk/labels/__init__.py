"""Verdicts about past payments and what they move."""
