"""Key ceremonies: split knowledge, dual control, and a transcript of who did what."""
