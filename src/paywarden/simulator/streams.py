"""Random streams: one independent generator per named part of the world.

Guards: the same seed gives the same bytes, and a new part (a fifth campaign, say) changes no other
part. Each generator is seeded by numpy's `SeedSequence` with a spawn key taken from the SHA-256 of
its name, so streams depend on names and never on the order in which they were asked for, nor on
PYTHONHASHSEED. Not for secrets: the numbers are predictable by design.
"""

from __future__ import annotations

import hashlib

import numpy as np

from paywarden.core.errors import InvalidRequest

_LARGEST_SEED = 2**63 - 1


class Streams:
    """Hands out one generator per name, all derived from `seed` (0 .. 2**63 - 1)."""

    def __init__(self, seed: int) -> None:
        if type(seed) is not int or not 0 <= seed <= _LARGEST_SEED:
            raise InvalidRequest(
                "simulation_seed_invalid", "seed must be a whole number from 0 to 2**63 - 1"
            )
        self.seed = seed

    def generator(self, *names: str) -> np.random.Generator:
        """A fresh generator for this name; asking twice gives the same numbers twice."""
        key = stable_words("/".join(names), 4)
        sequence = np.random.SeedSequence(entropy=self.seed, spawn_key=key)
        return np.random.Generator(np.random.PCG64DXSM(sequence))


def stable_words(name: str, count: int) -> tuple[int, ...]:
    """`count` (at most 8) unsigned 32-bit words that depend on the name alone."""
    digest = hashlib.sha256(name.encode()).digest()
    return tuple(int.from_bytes(digest[4 * i : 4 * i + 4], "big") for i in range(count))
