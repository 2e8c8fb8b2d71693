"""Events as they happened, once for all the keys that hold them.

Guards: an entry of a key has two words (and more where a slot has over 32 lanes): its time s, and
the offset of its event with 32 bits of lanes. What is the same for every key lies in the event:
seq << 24 | holders, then the values of the fields that aggregates read. The row being counted is a
holder; when the last one lets go, the event's block goes back to the heap.
Not done here: which keys hold it (`insertion.py`, `removal.py`).
"""

from __future__ import annotations

from paywarden.risk.features.heap import give, take_block
from paywarden.risk.features.jit import Word, Words, compiled
from paywarden.risk.features.program import EVENT_WORDS, IN_FILTERS, IN_SEQ, ROW_FILTERS

E_VALUES = 1
"""First value of an event; the offset of a field in it is 1 + its position in the row."""
SEQ_SHIFT = 24
_M32 = 0xFFFFFFFF


@compiled
def event_of(mem: Words, p: Word) -> Word:
    """Offset of the event of the entry at p."""
    return (mem[p + 1] >> 32) & _M32


@compiled
def seq_of(mem: Words, p: Word) -> Word:
    """Sequence number of the entry at p."""
    return mem[event_of(mem, p)] >> SEQ_SHIFT


@compiled
def value_at(mem: Words, p: Word, place: Word) -> Word:
    """A value of the entry at p."""
    return mem[event_of(mem, p) + place]


@compiled
def write_event(mem: Words, prog: Words, rows: Words, r: Word) -> Word:
    """The event of input row r, held once."""
    event = take_block(mem, prog[0, EVENT_WORDS])
    mem[event] = (rows[r, IN_SEQ] << SEQ_SHIFT) | 1
    fields = IN_FILTERS + prog[0, ROW_FILTERS]
    for k in range(prog[0, EVENT_WORDS] - E_VALUES):
        mem[event + E_VALUES + k] = rows[r, fields + k]
    return event


@compiled
def hold(mem: Words, p: Word) -> None:
    """Let one more key hold the event of the entry at p."""
    mem[event_of(mem, p)] += 1


@compiled
def let_go(mem: Words, prog: Words, event: Word) -> None:
    """One holder less; the last one gives the block back."""
    mem[event] -= 1
    if mem[event] & ((1 << SEQ_SHIFT) - 1) == 0:
        give(mem, event, prog[0, EVENT_WORDS])
