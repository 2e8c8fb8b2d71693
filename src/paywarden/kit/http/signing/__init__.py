"""Signed requests and answers: parsing, keys, nonces, the two profiles."""
