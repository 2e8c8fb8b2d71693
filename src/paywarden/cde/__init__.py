"""The card data environment: the only room whose types may name a card number.

Four processes share it: the key agent (`keys`), the vault, the edge and the egress. They speak over
unix sockets in frames (`frames`). Nothing but their own entry points imports this room.
"""
