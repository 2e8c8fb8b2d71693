"""Screening: lists of sanctioned parties, and names held against them."""
