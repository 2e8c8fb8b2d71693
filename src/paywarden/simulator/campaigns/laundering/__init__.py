"""Ways of laundering, and innocent life that looks like them: a file each."""
