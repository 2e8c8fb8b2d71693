"""Stores of the decision room; only entry points import them."""
