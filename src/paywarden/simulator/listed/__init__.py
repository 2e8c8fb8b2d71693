"""A list of sanctions that nobody issued: every name on it is made up."""
