"""Attack campaigns, one file each; `registry` finds them."""
