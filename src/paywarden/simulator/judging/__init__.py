"""Judging a policy on simulated worlds, by the machine code that decides live."""
