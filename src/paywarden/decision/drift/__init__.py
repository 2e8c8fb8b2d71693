"""Drift of live decisions: what is counted, who is told, what operators may look at."""
