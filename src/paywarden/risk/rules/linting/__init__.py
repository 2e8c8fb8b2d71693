"""Lint of a policy: proofs and doubts, each with its place, its reason and its remedy."""
