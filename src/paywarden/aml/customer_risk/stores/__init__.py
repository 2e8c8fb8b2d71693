"""Where customers and their assessments are kept."""
