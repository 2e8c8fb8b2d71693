"""What people judged: this party is not, or is, that listed one."""
