"""Values of the house: money, identifiers, time, secrets, outcomes, errors. No input or output."""
