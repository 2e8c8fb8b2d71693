"""Drift of live traffic: counts, their references, and when a change is an alarm. Pure."""
