"""Arithmetic in GF(256), modulo x^8 + x^4 + x^3 + x + 1, without tables and without branches.

Guards: what is done and which memory is read never depends on a value, because a share is as
secret as the key (cache-timing attacks on table look-ups). Honest limit: the interpreter's own
integers are not promised to be constant in time; a ceremony is rare and local.
Source: FIPS 197, section 4.2.

>>> hex(multiply(0x57, 0x83))
'0xc1'
"""

from __future__ import annotations

from typing import Final

_MODULUS: Final = 0x11B


def multiply(a: int, b: int) -> int:
    """The product of two elements (0 to 255)."""
    product = 0
    for _ in range(8):
        product ^= a & -(b & 1)
        b >>= 1
        a = (a << 1) ^ (_MODULUS & -(a >> 7))
    return product


def inverse(a: int) -> int:
    """The element whose product with `a` is 1; of 0, 0. It is a to the 254th."""
    power = square = multiply(a, a)
    for _ in range(6):
        square = multiply(square, square)
        power = multiply(power, square)
    return power


def evaluate(coefficients: list[int], x: int) -> int:
    """A polynomial at `x`, the constant term first (Horner)."""
    value = 0
    for coefficient in reversed(coefficients):
        value = multiply(value, x) ^ coefficient
    return value


def weights_at_zero(xs: list[int]) -> list[int]:
    """Lagrange's weights at 0 of different places, none of them 0."""
    weights = []
    for i, x in enumerate(xs):
        above = below = 1
        for j, other in enumerate(xs):
            if i != j:
                above = multiply(above, other)
                below = multiply(below, x ^ other)
        weights.append(multiply(above, inverse(below)))
    return weights
