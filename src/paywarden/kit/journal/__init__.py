"""The event log: entries in one dense order, each chained to the one before."""
