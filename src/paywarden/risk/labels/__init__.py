"""Labels: who says that a payment was fraud, whose word stands, and what was known when."""
