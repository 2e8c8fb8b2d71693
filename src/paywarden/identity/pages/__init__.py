"""The sign-in page as browsers get it: one document, one script, nothing from elsewhere."""
