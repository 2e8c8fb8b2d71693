"""Tables of the outside world, each with source, licence, date and age alarm."""
