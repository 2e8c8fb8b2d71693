"""Proof of what happened: the audit log as a signed Merkle log, its witness, its verifier."""
