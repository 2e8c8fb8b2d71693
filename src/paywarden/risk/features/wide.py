"""Wide integers for sums and deviations, rounded once to a double as Python rounds them.

Guards: sums of 64-bit values and of their squares never overflow: they are held as limbs of 32
bits, added up without carrying, and carried here. Half-way cases go to even, as in IEEE 754.
Limbs lie in the heap's scratch words from LIMBS on, least first.
"""

from __future__ import annotations

import math

import numpy as np

from paywarden.risk.features.heap import LIMBS
from paywarden.risk.features.jit import Word, Words, compiled

_M32 = 0xFFFFFFFF
_U32 = np.uint64(_M32)
_TOTAL = LIMBS
_SQUARE = LIMBS + 4
_PRODUCT = LIMBS + 12
BITS = LIMBS + 24
PRODUCT_LIMBS = 8


@compiled
def set_magnitude(mem: Words, high: Word, low: Word) -> Word:
    """Write |high * 2**32 + low| as four limbs at LIMBS; 1 when the number is negative."""
    high += low >> 32
    low &= _M32
    negative = high < 0
    if negative:
        low = (-low) & _M32
        high = -high - (1 if low else 0)
    mem[_TOTAL], mem[_TOTAL + 1] = low, high & _M32
    mem[_TOTAL + 2], mem[_TOTAL + 3] = high >> 32, 0
    return 1 if negative else 0


@compiled
def to_double(mem: Words, at: Word, limbs: Word) -> Word:
    """The number in so many limbs, correctly rounded."""
    top = limbs - 1
    while top > 0 and mem[at + top] == 0:
        top -= 1
    if mem[at + top] == 0:
        return 0.0
    word = np.uint64(mem[at + top]) << np.uint64(32)
    rest = np.uint64(0)
    if top > 0:
        word |= np.uint64(mem[at + top - 1])
    if top > 1:
        rest = np.uint64(mem[at + top - 2]) << np.uint64(32)
    sticky = np.uint64(0)
    for i in range(top - 2):
        if mem[at + i] != 0:
            sticky = np.uint64(1)
    shift = np.uint64(0)
    while not (word << shift) >> np.uint64(63):
        shift += np.uint64(1)
    if shift > 0:
        word = (word << shift) | (rest >> (np.uint64(64) - shift))
        rest = rest << shift
    if rest != 0:
        sticky = np.uint64(1)
    odd = word & np.uint64(1)
    rounded = float(np.int64((word >> np.uint64(1)) | odd | sticky))
    return math.ldexp(rounded, 32 * (top - 1) - int(shift) + 1)


@compiled
def average(mem: Words, high: Word, low: Word, count: Word) -> Word:
    """The sum as a double, divided by the count."""
    negative = set_magnitude(mem, high, low)
    total = to_double(mem, _TOTAL, 4)
    return (-total if negative else total) / count


@compiled
def deviation(mem: Words, high: Word, low: Word, count: Word) -> Word:
    """sqrt(count * squares - total ** 2) / count; the four sums of squares are at LIMBS + 4."""
    set_magnitude(mem, high, low)
    wide = mem.view(np.uint64)
    for i in range(4, 7):
        mem[_SQUARE + i] = 0
    for i in range(6):
        mem[_SQUARE + i + 1] += mem[_SQUARE + i] >> 32
        mem[_SQUARE + i] &= _M32
    carry = np.uint64(0)
    for i in range(7):
        step = wide[_SQUARE + i] * np.uint64(count) + carry
        wide[_SQUARE + i] = step & _U32
        carry = step >> np.uint64(32)
    mem[_SQUARE + 7] = np.int64(carry)
    for i in range(PRODUCT_LIMBS):
        mem[_PRODUCT + i] = 0
    for i in range(4):
        carry = np.uint64(0)
        for j in range(4):
            step = wide[_TOTAL + i] * wide[_TOTAL + j] + wide[_PRODUCT + i + j] + carry
            wide[_PRODUCT + i + j] = step & _U32
            carry = step >> np.uint64(32)
        wide[_PRODUCT + i + 4] = carry
    borrow = 0
    for i in range(PRODUCT_LIMBS):
        left = mem[_SQUARE + i] - mem[_PRODUCT + i] - borrow
        borrow = 1 if left < 0 else 0
        mem[_SQUARE + i] = left & _M32
    return math.sqrt(to_double(mem, _SQUARE, PRODUCT_LIMBS)) / count


@compiled
def bits_of(mem: Words, number: Word) -> Word:
    """The 64 bits of a double as an integer."""
    mem.view(np.float64)[BITS] = number
    return mem[BITS]
