"""The row of a key: where it is, how it grows from a few entries to pages and back.

Guards: a small key is one block: head, running totals (`all` slots), entries; so reading it costs
one look into the table and one into the row. A row that needs another size moves, and its place in
the table with it: whatever changes the size of a row returns where it is now.
Not done here: what a row means (`pages.py`), growing a directory (`insertion.py`).
"""

from __future__ import annotations

from paywarden.risk.features.heap import (
    KEYS,
    class_words,
    fill,
    give,
    shift_down,
    size_class,
    take_block,
)
from paywarden.risk.features.jit import (
    Word,
    Words,
    compiled,
)
from paywarden.risk.features.keys import (
    key_find,
    key_move,
    key_put,
    key_remove,
)
from paywarden.risk.features.pages import (
    D_COUNT,
    D_PAGE,
    DIRECTORY_LEAST,
    PAGE,
    PAGED_ROW,
    R_BLOCK,
    R_KEPT,
    R_KEY,
    cap_of,
    clear_summary,
    count_of,
    head_of,
    page_words,
    set_size,
    set_span,
    sum_page,
)
from paywarden.risk.features.pairs import (
    point_page,
)
from paywarden.risk.features.program import (
    ENTRY,
    ROW,
    ROW_HEAD,
    RUNNING,
    SLOT_STATE,
    SUMMARY,
)


@compiled
def find_row(mem: Words, prog: Words, slot: Word, key: Word) -> Word:
    """Row of a key, 0 when it has none."""
    at = key_find(mem, prog[slot, SLOT_STATE], key)
    return 0 if at < 0 else mem[at] & 0xFFFFFFFF


@compiled
def room_for(prog: Words, slot: Word, wanted: Word) -> Word:
    """Entries that fit into the smallest block with room for so many."""
    if wanted == 0:
        return 0
    wanted = PAGE if wanted > 48 else wanted
    words = class_words(size_class(prog[slot, ROW] + wanted * prog[slot, ENTRY]))
    return min(PAGE, (words - prog[slot, ROW]) // prog[slot, ENTRY])


@compiled
def row_words(prog: Words, slot: Word, cap: Word) -> Word:
    """Words of a row with such a capacity."""
    if cap < 0:
        return max(prog[slot, ROW], PAGED_ROW)
    return prog[slot, ROW] + cap * prog[slot, ENTRY]


@compiled
def make_row(mem: Words, prog: Words, slot: Word, key: Word) -> Word:
    """Row for a key that has none."""
    cap = room_for(prog, slot, 0 if prog[slot, RUNNING] else 1)
    row = take_block(mem, row_words(prog, slot, cap))
    fill(mem, row, prog[slot, ROW], 0)
    mem[row + R_KEY] = key
    set_size(mem, row, cap, 0)
    if prog[slot, RUNNING]:
        clear_summary(mem, prog, slot, row + ROW_HEAD)
    key_put(mem, prog[slot, SLOT_STATE], key, row)
    mem[KEYS] += 1
    return row


@compiled
def give_row(mem: Words, prog: Words, slot: Word, row: Word) -> None:
    """Forget a small key that holds nothing."""
    key_remove(mem, prog[slot, SLOT_STATE], mem[row + R_KEY])
    give(mem, row, row_words(prog, slot, cap_of(mem, row)))
    mem[KEYS] -= 1


@compiled
def new_row(mem: Words, prog: Words, slot: Word, row: Word, cap: Word) -> Word:
    """A row of another capacity in the place of this one, which is left to be given back."""
    to = take_block(mem, row_words(prog, slot, cap))
    shift_down(mem, to, row, prog[slot, ROW])
    set_size(mem, to, cap, count_of(mem, row))
    key_move(mem, prog[slot, SLOT_STATE], mem[row + R_KEY], row, to)
    return to


@compiled
def resize_small(mem: Words, prog: Words, slot: Word, row: Word, wanted: Word) -> Word:
    """Give a small key room for at least so many entries; its row."""
    to = new_row(mem, prog, slot, row, room_for(prog, slot, wanted))
    first, words = prog[slot, ROW], count_of(mem, row) * prog[slot, ENTRY]
    shift_down(mem, to + first, row + first, words)
    give(mem, row, row_words(prog, slot, cap_of(mem, row)))
    return to


@compiled
def directory_words(prog: Words, slot: Word, size: Word) -> Word:
    """Words of a directory for so many pages."""
    return size * page_words(prog, slot) + (size >> 6) * prog[slot, SUMMARY]


@compiled
def to_pages(mem: Words, prog: Words, slot: Word, row: Word) -> Word:
    """Turn a small key that is full into a paged one; its row."""
    count, width = count_of(mem, row), prog[slot, ENTRY]
    to = new_row(mem, prog, slot, row, -DIRECTORY_LEAST)
    page = take_block(mem, PAGE * width)
    shift_down(mem, page, row + prog[slot, ROW], count * width)
    give(mem, row, row_words(prog, slot, cap_of(mem, row)))
    directory = take_block(mem, directory_words(prog, slot, DIRECTORY_LEAST))
    mem[directory + D_PAGE], mem[directory + D_COUNT] = page, count
    mem[to + R_BLOCK], mem[to + R_KEPT] = directory, 0
    set_span(mem, to, 0, 1)
    sum_page(mem, prog, slot, to, 0)
    point_page(mem, prog, slot, to, page, count, page)
    return to


@compiled
def to_small(mem: Words, prog: Words, slot: Word, row: Word) -> Word:
    """Turn a paged key with at most one page into a small one; its row."""
    directory, width, count = mem[row + R_BLOCK], prog[slot, ENTRY], count_of(mem, row)
    to = new_row(mem, prog, slot, row, room_for(prog, slot, count))
    if count > 0:
        page = mem[directory + head_of(mem, row) * page_words(prog, slot) + D_PAGE]
        point_page(mem, prog, slot, row, page, count, -1)
        shift_down(mem, to + prog[slot, ROW], page, count * width)
        give(mem, page, PAGE * width)
    give(mem, directory, directory_words(prog, slot, -cap_of(mem, row)))
    give(mem, row, row_words(prog, slot, cap_of(mem, row)))
    return to
