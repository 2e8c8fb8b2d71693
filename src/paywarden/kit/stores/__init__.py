"""Stores of kit: journal and subject keys, each beside its in-memory twin."""
