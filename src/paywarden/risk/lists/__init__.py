"""Block, allow and watch lists with reasons and expiry."""
