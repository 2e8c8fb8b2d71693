"""Customer risk: who a customer is, how risky that makes them, and what follows from it."""
