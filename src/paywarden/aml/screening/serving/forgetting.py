"""Names that matching keeps at hand to be quick, dropped when somebody is erased.

Guards: every memory of a function in the rooms of screening is emptied, whoever adds one, and the
remembered searches of words too; listed names are read again when they are needed, which costs time
and nothing else. Memory that the interpreter gave back may hold remains until it is used again.
"""

from __future__ import annotations

import sys

from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.serving.free_text import KINDS

ROOM = "paywarden.aml.screening"


def forget_names(index: ScreeningIndex) -> int:
    """Empty every memory; how many there are."""
    emptied = 0
    for name, module in list(sys.modules.items()):
        if name == ROOM or name.startswith(ROOM + "."):
            for held in list(vars(module).values()):
                clear = getattr(held, "cache_clear", None)
                if clear is not None:
                    clear()
                    emptied += 1
    for kind in KINDS:
        index.shelf(kind).vocabulary.forget()
    return emptied
