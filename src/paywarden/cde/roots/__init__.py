"""Root keys behind one port: released by shares, in a module, at a service, or in a file."""
