"""Proofs over conditions: what can never hold, always holds, or follows from something else."""
