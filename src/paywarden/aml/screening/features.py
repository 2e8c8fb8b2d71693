"""Readable features of a pair of names: what agrees, what is missing, what contradicts.

Guards: every feature of `values` is symmetric in the two names, bounded, and has a sentence; those
that `found_values` adds ask what the asked name holds that the listed one does not explain. A word
left over on both sides is a contradiction, on one side only an omission; the first tells people
apart, the second is how people shorten names. Agreement is counted in bits: how rarely two names
agree so much by chance (`rarity.py`). Not done here: what each feature is worth (`weights.py`).
"""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from paywarden.aml.screening.alignment import Alignment, Pair
from paywarden.aml.screening.parsing import ParsedName
from paywarden.aml.screening.rarity import GENERAL, Rarity, is_common
from paywarden.aml.screening.writing import ABJADS, SYLLABLES

NAMES = (
    "agreement",
    "loosest_word",
    "contradiction",
    "omission",
    "unsupported",
    "lone_word",
    "initials",
    "initials_only",
    "forms_differ",
    "numbers_differ",
    "same_letters",
    "native_differs",
    "acronym",
    "edit_share",
    "common_only",
    "inner_omission",
    "known_apart",
    "strangers",
    "reversed_lineage",
    "evidence",
    "thin_evidence",
)
"""Order of the features in a row of `values`."""
FOUND = (*NAMES, "asked_over", "asked_common", "syllables_over")
"""Order of the features in a row of `found_values`."""
TOLD_WEIGHT = 0.13
"""Weight of a pair of words above which it says something (titles and particles do not)."""
COMMON_WEIGHT = 0.82
"""Weight of a word below which `common_only` calls it common."""
SURE = 0.9
"""Similarity from which two words agree beyond doubt."""
OTHER_NAME = 0.955
"""Similarity below which two common words are two names, no spellings of one."""
STRANGE_WEIGHT = 0.3
"""Weight left over on both sides from which two names hold words that are strangers."""
BITS_AN_EDIT = 6.0
"""Bits lost with a changed letter: one of some twenty, at one of a few places."""
THIN_BITS = 20.0
"""Bits below which agreement is thin: one in a million by chance."""
MOST_BITS = 40.0
_CHILD_OF = frozenset({"bin", "ben", "ibn", "bint", "binti", "wuld", "ould"})


def found_values(
    asked: ParsedName, listed: ParsedName, alignment: Alignment, rarity: Rarity = GENERAL
) -> tuple[float, ...]:
    """The features in the order of FOUND, for a listed name that an asked one has found."""
    changed = (p for p in alignment.pairs if p.similarity < OTHER_NAME and p.weight > TOLD_WEIGHT)
    common = sum(1.0 for p in changed if len(p.left) == 1 and _common(asked, p.left))
    return (
        *values(asked, listed, alignment, rarity),
        min(2.0, _left_weight(asked, alignment.left_over)),
        min(2.0, common),
        _syllables_over(asked, listed, alignment),
    )


def values(
    one: ParsedName, other: ParsedName, alignment: Alignment, rarity: Rarity = GENERAL
) -> tuple[float, ...]:
    """The features in the order of NAMES, each 0..1 or a small count."""
    pairs = alignment.pairs
    told = [p for p in pairs if p.weight > TOLD_WEIGHT]
    initials = [p for p in told if _is_initial(one, other, p)]
    names = [p for p in told if p not in initials and not _is_number(one, p)]
    left = _left_weight(one, alignment.left_over)
    right = _left_weight(other, alignment.right_over)
    paired = sum(p.weight for p in pairs)
    contradiction, omission = min(left, right), abs(left - right)
    apart = [p for p in names if _known_apart(one, other, p)]
    bits = sum(_evidence(one, other, p, rarity) for p in pairs if p not in apart)
    return (
        sum(p.weight * p.similarity for p in pairs) / max(paired + (left + right) / 2, 0.1),
        1.0 - min((p.similarity for p in names), default=0.5),
        min(2.0, contradiction),
        min(2.0, omission),
        omission / max(paired + omission, 0.1),
        1.0 if len(names) == 1 and omission + contradiction > STRANGE_WEIGHT else 0.0,
        min(3.0, float(len(initials))),
        1.0 if told and not names else 0.0,
        1.0 if one.forms and other.forms and not one.forms & other.forms else 0.0,
        _numbers_differ(one, pairs),
        _same_letters(one, other),
        _native_differs(one, other),
        _acronym(one, other),
        _edit_share(one, other, names),
        _common_only(names, contradiction + omission),
        _inner_omission(one, other, alignment, names),
        min(2.0, float(len(apart))),
        1.0 if contradiction > STRANGE_WEIGHT else 0.0,
        _reversed_lineage(one, other, pairs),
        min(MOST_BITS, bits) / 10,
        max(0.0, THIN_BITS - bits) / 10,
    )


def _syllables_over(asked: ParsedName, listed: ParsedName, alignment: Alignment) -> float:
    """Words left over on either side of a name asked in Han or Hangul: such names are short, each
    syllable counts, and nobody drops one."""
    if not asked.scripts & SYLLABLES:
        return 0.0
    left = sum(asked.words[i].weight > TOLD_WEIGHT for i in alignment.left_over)
    right = sum(listed.words[j].weight > TOLD_WEIGHT for j in alignment.right_over)
    return min(2.0, float(left + right))


def _left_weight(name: ParsedName, places: tuple[int, ...]) -> float:
    return sum(name.words[i].weight for i in places)


def _is_initial(one: ParsedName, other: ParsedName, pair: Pair) -> bool:
    if len(pair.left) != 1 or len(pair.right) != 1:
        return False
    kinds = one.words[pair.left[0]].kind, other.words[pair.right[0]].kind
    return "initial" in kinds and kinds[0] != kinds[1]


def _is_number(one: ParsedName, pair: Pair) -> bool:
    return one.words[pair.left[0]].kind == "number"


def _numbers_differ(one: ParsedName, pairs: tuple[Pair, ...]) -> float:
    return 1.0 if any(_is_number(one, p) and p.similarity < 1.0 for p in pairs) else 0.0


def _same_letters(one: ParsedName, other: ParsedName) -> float:
    """Likeness of all letters, as written or in sorted order: the plain ratio as one voice. Of
    consonants alone where one name is in a script that leaves vowels out."""
    bare = bool(one.scripts & ABJADS) != bool(other.scripts & ABJADS)
    texts = [word.skeleton if bare else word.text for word in one.words]
    others = [word.skeleton if bare else word.text for word in other.words]
    as_written = Levenshtein.normalized_similarity("".join(texts), "".join(others))
    if as_written == 1.0:
        return 1.0
    by_order = "".join(sorted(texts)), "".join(sorted(others))
    return max(as_written, Levenshtein.normalized_similarity(*by_order))


def _native_differs(one: ParsedName, other: ParsedName) -> float:
    """Share of letters that differ where both are written in one script of syllables or words."""
    shared = one.scripts & other.scripts & SYLLABLES
    if not shared or not one.native or not other.native or one.native == other.native:
        return 0.0
    return Levenshtein.normalized_distance(one.native, other.native)


def _acronym(one: ParsedName, other: ParsedName) -> float:
    short, long = (one, other) if len(one.words) <= len(other.words) else (other, one)
    if len(short.words) != 1 or len(long.words) < 3:
        return 0.0
    text = short.words[0].text
    return 1.0 if len(text) >= 3 and text in (long.initials, _initials(long)) else 0.0


def _initials(name: ParsedName) -> str:
    return "".join(word.text[0] for word in name.words)


def _shorter(one: ParsedName, other: ParsedName, pair: Pair) -> int:
    if len(pair.left) == 1 == len(pair.right):
        return min(len(one.words[pair.left[0]].text), len(other.words[pair.right[0]].text))
    return min(
        sum(len(one.words[i].text) for i in pair.left),
        sum(len(other.words[j].text) for j in pair.right),
    )


def _common_only(names: list[Pair], left_over: float) -> float:
    """What is left over where only common words agree: `Joseph Wilson` has many namesakes."""
    rare = any(p.similarity >= SURE and p.weight >= COMMON_WEIGHT for p in names)
    return 0.0 if rare else min(2.0, left_over)


def _inner_omission(
    one: ParsedName, other: ParsedName, alignment: Alignment, names: list[Pair]
) -> float:
    """First and last word agree and only words between are missing: a name without patronymic."""
    left, right = alignment.left_over, alignment.right_over
    if len(names) < 2 or bool(left) == bool(right) or names[0].similarity < 0.8:
        return 0.0
    places, count = (left, len(one.words)) if left else (right, len(other.words))
    return 1.0 if min(places) > 0 and max(places) < count - 1 else 0.0


def _edit_share(one: ParsedName, other: ParsedName, names: list[Pair]) -> float:
    """Letters that were changed, of all letters of the paired words."""
    changed, letters = 0.0, 0
    for pair in names:
        length = _shorter(one, other, pair)
        changed += (1.0 - pair.similarity) * length
        letters += length
    return changed / max(1, letters)


def _common(name: ParsedName, places: tuple[int, ...]) -> bool:
    return all(is_common(name.words[i].text) for i in places)


def _known_apart(one: ParsedName, other: ParsedName, pair: Pair) -> bool:
    """Two words that many bear, each for itself: `Antonia` is no slip of `Antonio`."""
    if pair.similarity >= OTHER_NAME or len(pair.left) > 1 or len(pair.right) > 1:
        return False
    return _common(one, pair.left) and _common(other, pair.right)


def _reversed_lineage(one: ParsedName, other: ParsedName, pairs: tuple[Pair, ...]) -> float:
    """`Ahmad bin Hasan` and `Hasan bin Ahmad` are son and father: who is the child differs."""
    child, its = _child(one), _child(other)
    if child is None or its is None:
        return 0.0
    sides = [(p.left[0] - child, p.right[0] - its) for p in pairs if p.similarity >= 0.8]
    beside = [a * b for a, b in sides if abs(a) == abs(b) == 1]
    return 1.0 if len(beside) > 1 and max(beside) < 0 else 0.0


def _child(name: ParsedName) -> int | None:
    """The place of the one word that says whose child somebody is; None for none or several."""
    found = [place for place, word in enumerate(name.words) if word.text in _CHILD_OF]
    return found[0] if len(found) == 1 else None


def _evidence(one: ParsedName, other: ParsedName, pair: Pair, rarity: Rarity) -> float:
    """Bits against chance: those of the commoner word, less some for every letter changed."""
    left, right = _bits(one, pair.left, rarity), _bits(other, pair.right, rarity)
    if pair.similarity >= OTHER_NAME:
        return min(left, right)
    edits = (1.0 - pair.similarity) * _shorter(one, other, pair)
    return max(0.0, min(left, right) - BITS_AN_EDIT * edits)


def _bits(name: ParsedName, places: tuple[int, ...], rarity: Rarity) -> float:
    words = [name.words[i] for i in places]
    return sum([rarity(word.text) for word in words if word.kind == "name"])
