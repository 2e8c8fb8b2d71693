"""Plumbing without payment words: settings, database, journal, http, redaction, keys, metrics."""
