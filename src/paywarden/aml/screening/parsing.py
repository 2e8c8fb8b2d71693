"""From a name to its words, each with its sound, its kind and its weight.

Guards, in order: script (`writing`), apostrophes and dots, camel case, digits that stand for
letters, legal forms, the parts of `Abd al-X`, then titles and particles. A name of legal forms only
keeps them as ordinary words, so that it names something; `MAX_WORDS` bounds every later loop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

from paywarden.aml.screening import org_forms, rarity, words, writing
from paywarden.aml.screening.sounds import fold, skeleton
from paywarden.aml.screening.writing import MAX_CHARACTERS, latin, scripts

MAX_WORDS = 24
WORD_KINDS = ("name", "initial", "number", "weak")
PERSON = "person"
ORGANISATION = "organisation"
VESSEL = "vessel"
_MARKS = re.compile(r"['`’‘ʼʻ\"“”´ʹʺ]")
_DOTTED = re.compile(r"\b(?:[a-zA-Z]\.){2,}(?:[a-zA-Z]\b)?")
_CAMEL = re.compile(r"(?<=[a-z]{3})(?=[A-Z][a-z]{2})|(?<=[a-z]{3})(?=[A-Z]{2,}\b)")
_WORD = re.compile(r"[a-z0-9]+")
_LETTERS_OR_DIGITS = re.compile(r"[a-z]+|[0-9]+")
_ABD = re.compile(r"\A(?!abd[ua]l+ah)(abd(?:[aeiou]l|[aeiou]?([rsznd])(?=\2)[rsznd]))(\w{3,})\Z")
_SERVANT = frozenset({"abd", "abdul", "abdel", "abdal", "abdur", "abdus", "abdol", "abdoul",
                       "abdour", "abdool", "abdoor", "abdoel", "abdu", "abdil"})  # fmt: skip
_ARTICLES = frozenset({"al", "el", "ul", "ur", "ar", "as", "ad", "an", "ash", "az", "at", "l"})
_LEET = str.maketrans("01345", "oieas")


@dataclass(frozen=True, slots=True)
class Word:
    """One word: text and sound in ASCII, weight 0..1, kind `name`, `initial`, `number`, `weak`."""

    text: str
    sound: str
    skeleton: str
    weight: float
    kind: str


@dataclass(frozen=True, slots=True)
class ParsedName:
    """Words in order; `forms`: classes of legal forms; `native`: letters of another script."""

    words: tuple[Word, ...]
    forms: frozenset[str]
    native: str
    scripts: frozenset[str]
    weight: float
    initials: str

    @property
    def empty(self) -> bool:
        """Nothing that could name anybody."""
        return not self.words


def kind_of(schema: str) -> str:
    """The way of reading that a schema asks for."""
    lowered = schema.lower()
    if lowered == "person":
        return PERSON
    return VESSEL if lowered in ("vessel", "aircraft") else ORGANISATION


def kinds_of(schema: str) -> tuple[str, ...]:
    """Every way in which a name of this schema may be read: several where it is not said."""
    if not schema:
        return (PERSON, ORGANISATION, VESSEL)
    return (PERSON, ORGANISATION) if schema.lower() == "legalentity" else (kind_of(schema),)


@lru_cache(maxsize=65_536)
def parse(text: str, kind: str) -> ParsedName:
    """Read a name. Kinds: PERSON, ORGANISATION, VESSEL."""
    text = text[:MAX_CHARACTERS]
    raw = _raw_words(text, kind)[:MAX_WORDS]
    forms, kept = frozenset[str](), raw
    if kind == ORGANISATION:
        forms, kept = _forms(raw)
    elif kind == PERSON and len(raw) > 2 and raw[-1] in org_forms.AFTER_PERSONS:
        kept = raw[:-1]
    found = _words(kept or raw, kind)
    found_scripts = scripts(text)
    native = "" if found_scripts <= {"LATIN"} else writing.native(text)
    initials = "".join(word[0] for word in raw if word not in ("the", "of", "and", "for"))
    weight = sum(word.weight for word in found)
    return ParsedName(found, forms, native, found_scripts, weight, initials)


def _raw_words(text: str, kind: str) -> list[str]:
    written = _MARKS.sub("", latin(text))
    written = _DOTTED.sub(lambda match: match[0].replace(".", "") + " ", written)
    if kind != VESSEL:
        written = _CAMEL.sub(" ", written)
    plain = written.lower().replace("&", " and ").replace("%", " percent")
    found = _WORD.findall(plain)
    if kind == PERSON:
        return _person_words(found)
    if kind == VESSEL:
        found = [part for word in found for part in _LETTERS_OR_DIGITS.findall(word)]
    elif kind == ORGANISATION:
        found = [part for word in found for part in _unglued(word)]
    told = [words.ORDINALS.get(word, word) for word in found]
    if len(told) > 1 and told[-1] in words.LAST_NUMERALS:
        told[-1] = words.LAST_NUMERALS[told[-1]]
    return told


@lru_cache(maxsize=65_536)
def _unglued(word: str) -> tuple[str, ...]:
    """A long word of a legal form, misspelt by a letter or written together with what it follows:
    `imited` is `limited`, `seabrasslimited` is `seabrass limited`."""
    for form in org_forms.LONG_WORDS:
        if word.endswith(form) and len(word) - len(form) > 2:
            return word[: -len(form)], form
        if abs(len(word) - len(form)) < 2 and OSA.distance(word, form, score_cutoff=1) == 1:
            return (form,)
    return (word,)


def _person_words(found: list[str]) -> list[str]:
    """Digits as the letters they look like; `servant of X` in any spelling as `abdul` and X."""
    plain = [_letters_only(word) for word in found]
    kept: list[str] = []
    for word in plain:
        if word in _SERVANT:
            kept.append("abdul")
            continue
        if word in _ARTICLES and kept and kept[-1] == "abdul":
            continue
        match = _ABD.match(word)
        split = match is not None and word not in ("abdallah", "abdullah", "abdelilah")
        kept += ["abdul", match[3]] if match and split else [word]
    return kept


def _letters_only(word: str) -> str:
    mixed = not word.isalpha() and any(char.isalpha() for char in word)
    return word.translate(_LEET) if mixed else word


def _forms(raw: list[str]) -> tuple[frozenset[str], list[str]]:
    """Classes of the legal forms in a name, and the words that are none."""
    forms, kept, place = set[str](), list[str](), 0
    while place < len(raw):
        for length in range(min(org_forms.LONGEST, len(raw) - place), 0, -1):
            name = org_forms.FORMS.get(tuple(raw[place : place + length]))
            if name is not None:
                forms.add(name)
                place += length
                break
        else:
            kept.append(raw[place])
            place += 1
    if len(forms) > 1:
        forms.discard("co")
    return frozenset(forms), kept


def _words(raw: list[str], kind: str) -> tuple[Word, ...]:
    found = tuple(_word(text, kind) for text in raw)
    if any(word.kind != "weak" for word in found):
        return found
    return tuple(Word(w.text, w.sound, w.skeleton, 0.6, "name") for w in found)


@lru_cache(maxsize=131_072)
def _word(text: str, kind: str) -> Word:
    if text.isdigit():
        return Word(text, text, text, 0.55, "number")
    sound, bones = fold(text), skeleton(text)
    if kind == PERSON:
        return Word(text, sound, bones, *_person_weight(text))
    return Word(text, sound, bones, *_other_weight(text, kind))


@lru_cache(maxsize=65_536)
def named(text: str) -> Word:
    """A word put together from others, as an ordinary word of full weight."""
    return Word(text, fold(text), skeleton(text), 1.0, "name")


def plain_words(kind: str) -> frozenset[str]:
    """Words of a kind of names that say next to nothing."""
    if kind == PERSON:
        return frozenset()
    return org_forms.COMMON | (org_forms.PLACES if kind == ORGANISATION else frozenset())


def _person_weight(text: str) -> tuple[float, str]:
    if len(text) == 1:
        return 0.35, "initial"
    if text in words.TITLES or text in words.SUFFIXES:
        return 0.08, "weak"
    if text in words.PARTICLES:
        return 0.1, "weak"
    if text == "abdul":
        return 0.3, "weak"
    return rarity.prior(text), "name"


def _other_weight(text: str, kind: str) -> tuple[float, str]:
    if text in ("the", "of", "and", "for", "de", "la", "le", "du", "des", "der", "und", "al", "el"):
        return 0.1, "weak"
    if kind == VESSEL and text in org_forms.VESSEL_PREFIXES:
        return 0.05, "weak"
    if len(text) == 1:
        return 0.4, "initial"
    if text in org_forms.PLACES:
        return 0.6, "name"
    return (0.5 if text in org_forms.COMMON else 1.0), "name"
