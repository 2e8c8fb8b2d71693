"""Full-length XOR components of a key: all of them make it, all but one tell nothing.

Guards: every component is as long as the key (never halves joined end to end, which would give each
holder half of it); the last one is the XOR of the key with random others, so each alone is
uniform. Two to sixteen. Sources: PCI PIN v3.1 requirements 12 and 13; PCI DSS 4.0.1, 3.7.6.
"""

from __future__ import annotations

from paywarden.cde.ceremonies.parts import (
    PARTS_LIMIT,
    SET_OCTETS,
    VALUE_OCTETS,
    Kind,
    Part,
    same_set,
)
from paywarden.core.clock import Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret


def split(key: Secret[bytes], count: int, randomness: Randomness) -> list[Part]:
    """`count` components of a 32-octet key. Errors: InvalidRequest."""
    if not 2 <= count <= PARTS_LIMIT:
        raise InvalidRequest("threshold_invalid", f"there are 2 to {PARTS_LIMIT} components")
    if len(key.expose()) != VALUE_OCTETS:
        raise InvalidRequest("key_length", f"a key that is shared has {VALUE_OCTETS} octets")
    set_id = randomness.octets(SET_OCTETS)
    values = [randomness.octets(VALUE_OCTETS) for _ in range(count - 1)]
    values.append(_xor([key.expose(), *values]))
    return [
        Part(Kind.COMPONENT, set_id, count, place, Secret(value))
        for place, value in enumerate(values, start=1)
    ]


def join(parts: list[Part]) -> Secret[bytes]:
    """The key of all components. Errors: InvalidRequest (see `parts.same_set`)."""
    same_set(parts)
    if parts[0].kind is not Kind.COMPONENT:
        raise InvalidRequest("parts_mixed", "these are no components")
    return Secret(_xor([one.value.expose() for one in parts]))


def _xor(values: list[bytes]) -> bytes:
    total = 0
    for value in values:
        total ^= int.from_bytes(value, "big")
    return total.to_bytes(VALUE_OCTETS, "big")
