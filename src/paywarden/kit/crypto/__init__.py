"""Keys of this installation: the master key, keys derived from it, keys of data subjects."""
