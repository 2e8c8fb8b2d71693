"""Facts added to a payment from in-process tables."""
