"""How a word sounds: spellings of one sound made one, and the consonants that are left of it.

Guards: pure functions of ASCII words, each remembered in a bounded cache. `fold` keeps vowels,
`skeleton` drops them, `syllabic` is coarser and only for words made of Chinese or Korean syllables,
where Wade-Giles, pinyin and the two Korean systems differ in every letter but not in their places.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CACHE = 131_072
_SPELLINGS = (
    ("schtsch", "s"), ("shch", "s"), ("sch", "s"), ("tsch", "x"), ("tch", "x"), ("tsh", "x"),
    ("dzh", "j"), ("dsch", "j"), ("dj", "j"), ("dz", "z"), ("zh", "j"), ("sh", "s"), ("ch", "x"),
    ("kh", "h"), ("gh", "g"), ("ph", "f"), ("th", "t"), ("dh", "d"), ("bh", "b"), ("rh", "r"),
    ("ck", "k"), ("qu", "k"), ("q", "k"), ("tz", "z"), ("ts", "z"), ("x", "ks"), ("w", "v"),
    ("oo", "u"), ("ou", "u"), ("ee", "i"), ("ie", "i"), ("ei", "ai"), ("ey", "i"), ("ay", "ai"),
    ("iy", "i"), ("ij", "i"), ("yi", "i"), ("yy", "i"), ("eh", "e"), ("ah", "a"), ("y", "i"),
    ("oe", "o"), ("ue", "u"), ("ae", "a"),
)  # fmt: skip
_ALTERNATION = re.compile("|".join(re.escape(spelling) for spelling, _ in _SPELLINGS))
_MEANING = dict(_SPELLINGS)
_DOUBLE = re.compile(r"(.)\1+")
_VOWELS = re.compile(r"[aeiou]")
_ENDINGS = (("ovic", "ovich"), ("off", "ov"), ("eff", "ev"))
_PINYIN = re.compile(
    r"(?:(?:zh|ch|sh|hs|ts|tz|kw|hw|[bpmfdtnlgkhjqxzcsrywv])?"
    r"(?:y|w)?[aeiou]{1,3}(?:ng|n|r|k|l|m|p|t)?)"
)
_COARSE = str.maketrans("gdbzjlqxtpv", "ktpcclkstpu")


@lru_cache(maxsize=_CACHE)
def fold(word: str) -> str:
    """The word with spellings of one sound made one; never empty for a word that is not."""
    for ending, plain in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            word = word[: -len(ending)] + plain
            break
    if word.startswith("x"):
        word = "s" + word[1:]
    folded = _ALTERNATION.sub(lambda match: _MEANING[match[0]], word)
    folded = _plain_c(folded)
    return _DOUBLE.sub(r"\1", folded)


def _plain_c(word: str) -> str:
    """`c` is `s` before e and i, else `k`; `ch` has become `x` by then."""
    return re.sub(r"c(?=[ei])", "s", word).replace("c", "k") if "c" in word else word


@lru_cache(maxsize=_CACHE)
def skeleton(word: str) -> str:
    """Consonants of a folded word, a leading vowel as `a`; the key of the phonetic index."""
    folded = fold(word)
    tail = _VOWELS.sub("", folded[1:]).replace("h", "")
    head = "a" if folded[:1] in "aeiou" else folded[:1]
    return _DOUBLE.sub(r"\1", (head + tail).replace("j", "z").replace("x", "z"))


@lru_cache(maxsize=_CACHE)
def syllabic(word: str) -> str:
    """A coarse key of a word of Chinese or Korean syllables; empty where the word is none."""
    if not 2 <= len(word) <= 14 or not word.isalpha():
        return ""
    syllables = _PINYIN.findall(word)
    if "".join(syllables) != word or not 1 <= len(syllables) <= 3:
        return ""
    return "".join(_coarse(syllable) for syllable in syllables)


def _coarse(syllable: str) -> str:
    plain = syllable
    for spelling, sound in (
        ("zh", "c"), ("ch", "x"), ("sh", "s"), ("hs", "s"), ("tz", "c"), ("ts", "c"), ("x", "s"),
        ("q", "c"), ("yeo", "yo"), ("eo", "o"), ("eu", "u"), ("oo", "u"), ("ou", "u"), ("ee", "i"),
        ("ung", "ong"), ("ie", "e"), ("ue", "e"), ("ae", "e"), ("yu", "yo"), ("uh", "u"),
    ):  # fmt: skip
        plain = plain.replace(spelling, sound)
    return plain.translate(_COARSE)
