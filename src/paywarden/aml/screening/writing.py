"""From a name in any script to lower-case Latin words, one table per script where it matters.

Guards, in order: length (`MAX_CHARACTERS`, so that a long name costs no more than a long name),
compatibility forms (Unicode NFKC), invisible and direction characters, look-alike letters of a
second alphabet inside one word, then transliteration: Arabic, Hangul and Han by rules of their own,
everything else by `anyascii`. Not done here: what the words mean (`parsing.py`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

from paywarden.aml.screening.hangul import family_name

MAX_CHARACTERS = 400
"""Characters of a name that are read; the longest listed name seen has 318."""

_CYRILLIC = "аеорсухіјѕкмтвнАЕОРСУХІЈЅКМТВН"
_LATIN = "aeopcyxijskmtbhAEOPCYXIJSKMTBH"
_CYRILLIC_TO_LATIN = str.maketrans(_CYRILLIC + "ԁԛԝ", _LATIN + "dqw")
_GREEK_TO_LATIN = str.maketrans("αειονρτυχκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeiovptuxkABEZHIKMNOPTYX")
_LATIN_TO_CYRILLIC = str.maketrans(_LATIN, _CYRILLIC)
_ARABIC = {
    "ا": "a", "أ": "a", "إ": "i", "آ": "a", "ٱ": "a", "ب": "b", "پ": "p", "ت": "t", "ث": "th",
    "ج": "j", "چ": "ch", "ح": "h", "خ": "kh", "د": "d", "ذ": "dh", "ر": "r", "ز": "z", "ژ": "zh",
    "س": "s", "ش": "sh", "ص": "s", "ض": "d", "ط": "t", "ظ": "z", "ع": "", "غ": "gh", "ف": "f",
    "ڤ": "v", "ق": "q", "ك": "k", "ک": "k", "گ": "g", "ل": "l", "م": "m", "ن": "n", "ه": "h",
    "ة": "a", "ۀ": "e", "و": "u", "ؤ": "u", "ي": "i", "ی": "i", "ى": "a", "ئ": "i", "ء": "",
    "ٹ": "t", "ڈ": "d", "ڑ": "r", "ں": "n", "ہ": "h", "ھ": "h", "ے": "e",
}  # fmt: skip
_SYLLABLE = re.compile(r"[A-Z][a-z']*")
_UNSPOKEN = frozenset({"Cf", "Cn", "Co", "So"})
"""Categories of characters that are never part of a name: directions, unassigned, pictures."""
_CLOSING = {"g": "k", "d": "t", "b": "p"}
_SEPARATORS = re.compile(r"[·・‧•]")
_GENERIC_HAN = {
    "有限公司": " company limited ", "股份": " joint stock ", "公司": " company ",
    "集团": " group ", "集團": " group ", "银行": " bank ", "銀行": " bank ",
}  # fmt: skip


@lru_cache(maxsize=65_536)
def latin(text: str) -> str:
    """The name in lower-case ASCII, words apart by blanks; punctuation is kept for the parser."""
    clean = _visible(text[:MAX_CHARACTERS])
    if clean.isascii():
        return clean
    parts = _SEPARATORS.sub(" ", clean).split()
    return " ".join(_latin_word(part, len(parts) == 1) for part in parts)


def scripts(text: str) -> frozenset[str]:
    """Scripts of the letters: LATIN, CYRILLIC, ARABIC, HAN, HANGUL, KANA, or another's name."""
    found = {_script(char) for char in text[:MAX_CHARACTERS] if char.isalpha()}
    return frozenset(found)


@lru_cache(maxsize=4_096)
def _script(char: str) -> str:
    name = unicodedata.name(char, "UNKNOWN").split(" ")[0]
    return {"CJK": "HAN", "HIRAGANA": "KANA", "KATAKANA": "KANA", "FULLWIDTH": "LATIN"}.get(
        name, name
    )


def _visible(text: str) -> str:
    if text.isascii():
        return text
    folded = unicodedata.normalize("NFKC", text)
    kept = (" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in folded)
    return "".join(char for char in kept if unicodedata.category(char) not in _UNSPOKEN)


def _latin_word(word: str, alone: bool) -> str:
    if word.isascii():
        return word
    found = scripts(word)
    if "LATIN" in found and found & {"CYRILLIC", "GREEK"}:
        word = _one_alphabet(word)
        found = scripts(word)
    if "ARABIC" in found:
        return "".join(_ARABIC.get(char, anyascii(char)) for char in _undotted(word))
    if "HANGUL" in found:
        return _hangul(word, alone)
    if "HAN" in found:
        return _han(word, alone)
    return anyascii(unicodedata.normalize("NFC", word))


def _one_alphabet(word: str) -> str:
    """A word of two alphabets in one: look-alikes go to the alphabet that has more letters."""
    counts = [_script(char) for char in word if char.isalpha()]
    if counts.count("LATIN") * 2 >= len(counts):
        return word.translate(_CYRILLIC_TO_LATIN).translate(_GREEK_TO_LATIN)
    if "CYRILLIC" in counts:
        return word.translate(_LATIN_TO_CYRILLIC)
    return word


def _undotted(word: str) -> str:
    """Arabic without vowel points and stretching, the article apart."""
    plain = "".join(char for char in word if not unicodedata.combining(char) and char != "ـ")
    return "ال " + plain[2:] if plain.startswith("ال") and len(plain) > 4 else plain


def _hangul(word: str, alone: bool) -> str:
    """A Korean word: a whole name (family name first) where it stands alone, else a part."""
    syllables = [_spoken(part) for part in _SYLLABLE.findall(anyascii(word))] or [anyascii(word)]
    if len(word) == 1 or (alone and len(word) <= 4):
        family, used = family_name(word, syllables)
        return " ".join([family, "".join(syllables[used:])]).strip()
    return "".join(syllables)


def _spoken(syllable: str) -> str:
    """A closing g, d, b is heard and written as k, t, p."""
    closed = syllable[-1:] in _CLOSING and not syllable.endswith("ng")
    return syllable[:-1] + _CLOSING[syllable[-1]] if closed else syllable


def _han(word: str, alone: bool) -> str:
    for form, meaning in _GENERIC_HAN.items():
        word = word.replace(form, meaning)
    parts = word.split()
    whole = alone and len(parts) == 1
    return " ".join(part if part.isascii() else _han_part(part, whole) for part in parts)


def _han_part(part: str, alone: bool) -> str:
    """A Chinese name of two or three characters has one for the family; of four, usually two."""
    syllables = _SYLLABLE.findall(anyascii(part)) or [anyascii(part)]
    if alone and 2 <= len(part) <= 4 and len(syllables) == len(part):
        family = 2 if len(part) == 4 else 1
        return " ".join(["".join(syllables[:family]), "".join(syllables[family:])])
    return "".join(syllables)
