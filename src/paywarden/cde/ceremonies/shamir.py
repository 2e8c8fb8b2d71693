"""Shamir's k-of-n sharing of a 32-octet key, octet by octet over GF(256).

Guards: coefficients are fresh random octets for every octet of the key, so that any k-1 shares are
independent of it; a share says its set, its threshold and its place, and joining refuses mixed and
doubled ones. Not done here: whether the joined key is the right one (its check value, or the seal
that it opens, says that). Source: A. Shamir, "How to share a secret", CACM 22(11), 1979.
"""

from __future__ import annotations

from paywarden.cde.ceremonies.galois import evaluate, multiply, weights_at_zero
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


def split(key: Secret[bytes], needed: int, count: int, randomness: Randomness) -> list[Part]:
    """`count` shares, any `needed` of which make the key.

    Errors: InvalidRequest unless 2 <= needed <= count <= 16 and the key has 32 octets.
    """
    if not 2 <= needed <= count <= PARTS_LIMIT:
        raise InvalidRequest("threshold_invalid", f"2 <= needed <= shares <= {PARTS_LIMIT}")
    octets = key.expose()
    if len(octets) != VALUE_OCTETS:
        raise InvalidRequest("key_length", f"a key that is shared has {VALUE_OCTETS} octets")
    set_id = randomness.octets(SET_OCTETS)
    polynomials = [[octet, *randomness.octets(needed - 1)] for octet in octets]
    return [
        Part(Kind.SHAMIR, set_id, needed, x, Secret(bytes(evaluate(one, x) for one in polynomials)))
        for x in range(1, count + 1)
    ]


def join(parts: list[Part]) -> Secret[bytes]:
    """The key of at least `needed` shares of one set; the first `needed` are used.

    Errors: InvalidRequest (`parts.same_set`, or components among them).
    """
    same_set(parts)
    if parts[0].kind is not Kind.SHAMIR:
        raise InvalidRequest("parts_mixed", "these are no Shamir shares")
    used = parts[: parts[0].needed]
    weights = weights_at_zero([one.place for one in used])
    values = [one.value.expose() for one in used]
    return Secret(
        bytes(_sum(weights, [value[at] for value in values]) for at in range(VALUE_OCTETS))
    )


def _sum(weights: list[int], octets: list[int]) -> int:
    total = 0
    for weight, octet in zip(weights, octets, strict=True):
        total ^= multiply(weight, octet)
    return total
