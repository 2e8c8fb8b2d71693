"""Readable features of a pair of names: what agrees, what is missing, what contradicts.

Guards: every feature is symmetric in the two names, bounded, and has a sentence. A word left over
on both sides is a contradiction, on one side only an omission; the first tells people apart, the
second is how people shorten names. Not done here: what each feature is worth (`weights.py`).
"""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from paywarden.aml.screening.alignment import Alignment, Pair
from paywarden.aml.screening.parsing import ParsedName

COMMON_WEIGHT = 0.82
"""Weight of a word below which `rarity` calls it common."""
NAMES = (
    "agreement",
    "closeness",
    "loosest_word",
    "changed_words",
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
    "nothing_left",
    "short_change",
    "certainty",
    "edit_share",
    "short_changes",
    "common_only",
    "inner_omission",
)
"""Order of the features in a row of `values`."""


def values(one: ParsedName, other: ParsedName, alignment: Alignment) -> tuple[float, ...]:
    """The features in the order of NAMES, each 0..1 or a small count."""
    pairs = alignment.pairs
    told = [p for p in pairs if p.weight > 0.13]
    left = _left_weight(one, alignment.left_over)
    right = _left_weight(other, alignment.right_over)
    shared = sum(p.weight * p.similarity for p in pairs)
    paired = sum(p.weight for p in pairs)
    names = [p for p in told if not _is_initial(one, other, p) and not _is_number(one, p)]
    loosest = min((p.similarity for p in names), default=0.0)
    contradiction, omission = min(left, right), abs(left - right)
    return (
        shared / max(paired + (left + right) / 2, 0.1),
        shared / paired if paired else 0.0,
        (1.0 - loosest) if names else 0.5,
        min(3.0, sum(1.0 for p in names if p.similarity < 0.9)),
        min(2.0, contradiction),
        min(2.0, omission),
        omission / max(paired + omission, 0.1),
        1.0 if len(names) == 1 and omission + contradiction > 0.3 else 0.0,
        min(3.0, sum(1.0 for p in told if _is_initial(one, other, p))),
        1.0 if told and not names else 0.0,
        1.0 if one.forms and other.forms and not one.forms & other.forms else 0.0,
        _numbers_differ(one, other, pairs),
        _same_letters(one, other),
        _native_differs(one, other),
        _acronym(one, other),
        0.0 if pairs else 1.0,
        _short_change(one, names),
        _certainty(one, other, names),
        _edit_share(one, other, names),
        min(3.0, sum(1.0 for p in names if p.similarity < 0.9 and _shorter(one, other, p) <= 4)),
        _common_only(names, contradiction + omission),
        _inner_omission(one, other, alignment, names),
    )


def _left_weight(name: ParsedName, places: tuple[int, ...]) -> float:
    return sum(name.words[i].weight for i in places)


def _is_initial(one: ParsedName, other: ParsedName, pair: Pair) -> bool:
    if len(pair.left) != 1 or len(pair.right) != 1:
        return False
    kinds = one.words[pair.left[0]].kind, other.words[pair.right[0]].kind
    return "initial" in kinds and kinds[0] != kinds[1]


def _is_number(one: ParsedName, pair: Pair) -> bool:
    return one.words[pair.left[0]].kind == "number"


def _numbers_differ(one: ParsedName, other: ParsedName, pairs: tuple[Pair, ...]) -> float:
    return 1.0 if any(_is_number(one, p) and p.similarity < 1.0 for p in pairs) else 0.0


def _same_letters(one: ParsedName, other: ParsedName) -> float:
    """Likeness of all letters, as written or in sorted order: the plain ratio as one voice."""
    as_written = _letters(one, False), _letters(other, False)
    by_order = _letters(one, True), _letters(other, True)
    return max(
        Levenshtein.normalized_similarity(*as_written),
        Levenshtein.normalized_similarity(*by_order),
    )


def _letters(name: ParsedName, by_order: bool) -> str:
    texts = [word.text for word in name.words]
    return "".join(sorted(texts) if by_order else texts)


def _native_differs(one: ParsedName, other: ParsedName) -> float:
    """Share of letters that differ where both are written in one script of syllables or words."""
    shared = one.scripts & other.scripts & {"HAN", "HANGUL"}
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


def _short_change(one: ParsedName, names: list[Pair]) -> float:
    """A change in a short word weighs more: `Kim` and `Tim` differ by a third."""
    changed = (p for p in names if p.similarity < 0.9)
    return max((1.0 - p.similarity for p in changed if _length(one, p) <= 4), default=0.0)


def _length(one: ParsedName, pair: Pair) -> int:
    return sum(len(one.words[i].text) for i in pair.left)


def _shorter(one: ParsedName, other: ParsedName, pair: Pair) -> int:
    return min(_length(one, pair), sum(len(other.words[j].text) for j in pair.right))


def _certainty(one: ParsedName, other: ParsedName, names: list[Pair]) -> float:
    """Weight of the words that agree beyond doubt, short words counting less; at most 3."""
    sure = (p for p in names if p.similarity >= 0.9)
    return min(3.0, sum(p.weight * min(1.0, _shorter(one, other, p) / 6) for p in sure))


def _common_only(names: list[Pair], left_over: float) -> float:
    """What is left over where only common words agree: `Joseph Wilson` has many namesakes."""
    sure = [p for p in names if p.similarity >= 0.9]
    return min(2.0, left_over) if all(p.weight < COMMON_WEIGHT for p in sure) else 0.0


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
    lengths = [_shorter(one, other, pair) for pair in names]
    changed = sum((1 - p.similarity) * n for p, n in zip(names, lengths, strict=True))
    return changed / max(1, sum(lengths))
