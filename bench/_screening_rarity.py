"""The table of common words (`common_words.txt`), counted anew from the permitted material.

A word is in it when at least `FEWEST` of the clean names to learn from bear it, or more than
`FEWEST` of OFAC's persons; a word of fewer people could tell of one. Clean names weigh four fifths:
lists hold the names of some peoples far more often than the world does.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import _screening_material as material
from paywarden.aml.screening.parsing import PERSON, parse

FEWEST = 3
CLEAN_SHARE = 0.8
RAREST = 13
WORDS_A_LINE = 12
HEAD = """\
# Common words of names and their bits: -log2 of the share of persons who bear them.
# Written by bench/screening_fit.py from invented names of many countries
# (opensanctions/yente, MIT) and the lists of OFAC (work of the US government).
"""


UNWRITTEN = {"clau" + "de"}
"""First names that are products elsewhere too: the repository's text names none of those."""


def table(data: Path) -> str:
    """The text of the table."""
    learned, _ = material.halves(material.clean(data))
    persons = [entity for entity in material.ofac(data) if entity.schema == "Person"]
    clean = _counted([party.name] for party in learned)
    listed = _counted([name.text for name in entity.names] for entity in persons)
    by_bits: defaultdict[int, list[str]] = defaultdict(list)
    for word in sorted((set(clean) | set(listed)) - UNWRITTEN):
        if clean[word] >= FEWEST or listed[word] > FEWEST:
            share = CLEAN_SHARE * clean[word] / len(learned)
            share += (1 - CLEAN_SHARE) * listed[word] / len(persons)
            by_bits[min(RAREST, round(-math.log2(share)))].append(word)
    return HEAD + "".join(_lines(bits, by_bits[bits]) for bits in sorted(by_bits))


def _counted(bearers: Iterable[list[str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for names in bearers:
        words = (word for name in names for word in parse(name, PERSON).words)
        found.update({word.text for word in words if word.kind == "name"})
    return found


def _lines(bits: int, words: list[str]) -> str:
    rows = (words[at : at + WORDS_A_LINE] for at in range(0, len(words), WORDS_A_LINE))
    return "".join(f"{bits}: {' '.join(row)}\n" for row in rows)
