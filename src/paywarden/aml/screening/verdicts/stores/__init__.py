"""Where verdicts are kept."""
