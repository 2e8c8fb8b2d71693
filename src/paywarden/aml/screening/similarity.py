"""How alike two words are, 0 to 1, and by which ground.

Guards: edits are counted on the letters (optimal string alignment, so that two letters swapped are
one edit) and on the sound, where a vowel costs half of a consonant; tables of spellings and
nicknames can only raise. Bounded cache per pair of words.
"""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz.distance import OSA, Levenshtein

from paywarden.aml.screening.parsing import Word
from paywarden.aml.screening.sounds import syllabic
from paywarden.aml.screening.words import NICKNAMES_OF, VARIANT_OF

FLOOR = 0.58
"""Below it two words are strangers."""
SAME_SPELLING_ROW = 0.96
SAME_NICKNAME_ROW = 0.86
SAME_SYLLABLES = 0.9
SAME_CONSONANTS = 0.92
"""Of words one of which was written without its vowels."""
INITIAL = 0.75
_NUMBER = 0.72
_VOWELS = "aeiou"


def word_similarity(one: Word, other: Word) -> float:
    """0..1; symmetric."""
    if one.text == other.text:
        return 1.0
    if "number" in (one.kind, other.kind):
        return _NUMBER * (one.kind == other.kind)
    if one.kind == "initial" or other.kind == "initial":
        kinds = {one.kind, other.kind}
        return INITIAL if one.text[0] == other.text[0] and kinds == {"initial", "name"} else 0.0
    if one.kind != other.kind:
        return 0.0
    a, b = (one.text, other.text) if one.text < other.text else (other.text, one.text)
    return _of_texts(
        a, b, *((one.sound, other.sound) if a is one.text else (other.sound, one.sound)),
        *((one.skeleton, other.skeleton) if a is one.text else (other.skeleton, one.skeleton)),
    )  # fmt: skip


def same_consonants(one: Word, other: Word) -> bool:
    """Whether one of two names may be the other without its short vowels (two consonants or more):
    the consonants are the same, and what vowels it has stand in the other, too."""
    if one.kind != "name" or other.kind != "name" or one.skeleton != other.skeleton:
        return False
    short, long = sorted((one.sound, other.sound), key=len)
    if short[0] in _VOWELS and long[0] in _VOWELS:
        short, long = short[1:], long[1:]  # an alif at the start stands for any of them
    rest = iter(long)
    return len(one.skeleton) > 1 and all(char in rest for char in short)


@lru_cache(maxsize=262_144)
def _of_texts(a: str, b: str, sound_a: str, sound_b: str, bones_a: str, bones_b: str) -> float:
    longer = max(len(a), len(b))
    letters = 1.0 - OSA.distance(a, b) / longer
    sounded = 1.0 - sound_distance(sound_a, sound_b, bones_a, bones_b) / max(
        len(sound_a), len(sound_b)
    )
    best = max(letters, sounded - 0.02)
    if best > 0.99:
        best = 0.98
    row = VARIANT_OF.get(a)
    if row is not None and row == VARIANT_OF.get(b):
        return max(best, SAME_SPELLING_ROW)
    if NICKNAMES_OF.get(a, frozenset()) & NICKNAMES_OF.get(b, frozenset()):
        return max(best, SAME_NICKNAME_ROW)
    if best < SAME_SYLLABLES and len(a) > 2 and len(b) > 2:
        key = syllabic(a)
        if key and key == syllabic(b):
            return SAME_SYLLABLES
    return best if best >= FLOOR else 0.0


def sound_distance(a: str, b: str, bones_a: str, bones_b: str) -> float:
    """Edits of sound: half for every edit, half more for those that move a consonant."""
    return 0.5 * float(OSA.distance(a, b)) + 0.5 * float(Levenshtein.distance(bones_a, bones_b))
