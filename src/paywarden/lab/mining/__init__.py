"""Rule miner: from labels, or from a burst, to drafted rules that people can read and judge."""
