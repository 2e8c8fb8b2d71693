"""Policy as text: reading, checking, compiling and evaluating rules."""
