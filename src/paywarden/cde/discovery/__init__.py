"""Card numbers where none may be: finding them, following them to closure, searching for leaks."""
