"""What screening learns from and is measured with, and nothing else: all of it may be used so.

Permitted: names/ (labelled pairs, clean names, UN-listed persons as queries; fixtures of
opensanctions/nomenklatura and yente, MIT) and the lists of OFAC (work of the US government). Clean
names are halved by digest, so that what was learned from is never what is measured with. Other
lists may be measured with, never learned from.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import random
import re
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Final

from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.sources.reading import read_folder
from paywarden.cli.screen_file import read_parties

PAIRS: Final = "names/name_pairs_dev.csv"
CLEAN: Final = "names/negatives_us_50k.csv.gz"
QUERIES: Final = "names/positives_un_untreated.csv.gz"
OFAC: Final = ("sanctions/ofac_sdn_2021-07.csv.gz", "sanctions/ofac_alt_2021-07.csv.gz",
               "sanctions/ofac_add_2021-07.csv.gz")  # fmt: skip
PERMITTED: Final = (PAIRS, CLEAN, QUERIES, *OFAC)
_ARABIC = {
    "sh": "ش", "kh": "خ", "th": "ث", "dh": "ذ", "gh": "غ", "ch": "تش", "ou": "و", "oo": "و",
    "ee": "ي", "aa": "ا", "b": "ب", "t": "ت", "j": "ج", "h": "ح", "d": "د", "r": "ر", "z": "ز",
    "s": "س", "f": "ف", "q": "ق", "k": "ك", "l": "ل", "m": "م", "n": "ن", "w": "و", "y": "ي",
    "g": "غ", "p": "ب", "v": "ف", "c": "ك", "x": "كس", "u": "و", "i": "ي", "a": "", "e": "",
    "o": "",
}  # fmt: skip
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
SPELLINGS: Final = (
    ("ou", "u"), ("u", "ou"), ("ee", "i"), ("i", "ee"), ("q", "k"), ("kh", "h"), ("kh", "ch"),
    ("y", "i"), ("i", "y"), ("w", "v"), ("v", "w"), ("ss", "s"), ("dd", "d"), ("mm", "m"),
    ("sh", "ch"), ("sh", "sch"), ("zh", "j"), ("j", "dj"), ("ph", "f"), ("ck", "k"), ("dh", "d"),
    ("gh", "g"), ("th", "t"), ("aa", "a"), ("oo", "u"), ("ya", "ia"), ("yu", "iu"), ("ov", "off"),
    ("mohammad", "muhammed"), ("muhammad", "mohamed"), ("mohammed", "mohamad"),
    ("abdul ", "abd al-"), ("abd al-", "abdel "), (" al-", " el "), ("al-", "al "), ("-", " "),
)  # fmt: skip
_CYRILLIC = {
    "shch": "щ", "zh": "ж", "kh": "х", "ts": "ц", "ch": "ч", "sh": "ш", "yu": "ю", "ya": "я",
    **dict(zip("abvgdeziyklmnoprstufhcjqwx", "абвгдезийклмнопрстуфхкжквх", strict=True)),
}  # fmt: skip


def permitted(data: Path, name: str) -> Path:
    """The path of a file of the material. Errors: ValueError for one that may not be used."""
    if name not in PERMITTED:
        raise ValueError(f"{name} may not be learned from")
    return data / name


def digest(data: Path) -> str:
    """SHA-256 over the material, in order: what the weights say they were learned from."""
    state = hashlib.sha256()
    for name in PERMITTED:
        state.update(permitted(data, name).read_bytes())
    return state.hexdigest()


def ofac(data: Path) -> list[ListedEntity]:
    """The entries of OFAC's lists alone."""
    with tempfile.TemporaryDirectory() as made:
        for name in OFAC:
            path = permitted(data, name)
            (Path(made) / path.name).write_bytes(path.read_bytes())
        return list(read_folder(Path(made)).entities)


def clean(data: Path) -> list[Party]:
    """Invented people who are on no list, each name once, in an order that no file has."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "clean.csv"
        path.write_bytes(gzip.decompress(permitted(data, CLEAN).read_bytes()))
        parties = {party.name: party for party in read_parties(path)}
    return sorted(parties.values(), key=lambda party: _number(party.name))


def halves(parties: list[Party]) -> tuple[list[Party], list[Party]]:
    """Those to learn from, and those to measure with: by the digest of the name."""
    learned = [party for party in parties if _number(party.name) % 2 == 0]
    return learned, [party for party in parties if _number(party.name) % 2]


def queries(data: Path) -> list[str]:
    """Names of UN-listed persons as a screening service was asked for them."""
    text = gzip.decompress(permitted(data, QUERIES).read_bytes()).decode("utf-8")
    return [row["full_name"] for row in csv.DictReader(io.StringIO(text)) if row["full_name"]]


def pairs(data: Path) -> list[dict[str, str]]:
    """Labelled pairs: `case_group`, `schema`, `name1`, `name2`, `is_match`."""
    with permitted(data, PAIRS).open(encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def typo(rnd: random.Random, text: str) -> str:
    """One letter left out, put in, put for another, or swapped with its neighbour."""
    text = text.lower()
    places = [place for place, char in enumerate(text) if char.isalpha()]
    if not places:
        return text
    at, act = rnd.choice(places), rnd.randrange(4)
    if act == 3:
        return text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
    return text[:at] + ("" if act == 0 else rnd.choice(LETTERS)) + text[at + (act != 1) :]


def order(rnd: random.Random, text: str) -> str:
    """The words in any order, or the last one first with a comma."""
    words = text.lower().split()
    if len(words) > 1 and rnd.random() < 0.3:
        return f"{words[-1]}, {' '.join(words[:-1])}"
    rnd.shuffle(words)
    return " ".join(words)


def initial(rnd: random.Random, text: str) -> str:
    """One word but the last as an initial, where there are three."""
    words = text.lower().split()
    if len(words) > 2:
        at = rnd.randrange(len(words) - 1)
        words[at] = words[at][0] + "."
    return " ".join(words)


def dropped(rnd: random.Random, text: str) -> str:
    """One word left out, where there are three."""
    words = text.lower().split()
    if len(words) > 2:
        del words[rnd.randrange(len(words))]
    return " ".join(words)


def joined(rnd: random.Random, text: str) -> str:
    """Two neighbours as one word."""
    words = text.lower().split()
    if len(words) > 1:
        at = rnd.randrange(len(words) - 1)
        words[at : at + 2] = [words[at] + words[at + 1]]
    return " ".join(words)


def spelling(rnd: random.Random, text: str) -> str:
    """One or two sounds written as other languages write them."""
    text = text.lower()
    for _ in range(rnd.choice((1, 1, 2))):
        possible = [pair for pair in SPELLINGS if pair[0] in text]
        if possible:
            one, other = rnd.choice(possible)
            text = text.replace(one, other, 1)
    return text


def script(rnd: random.Random, text: str) -> str:
    """In Cyrillic letters, as a passport office would."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    for one in sorted(_CYRILLIC, key=lambda one: -len(one)):
        plain = plain.replace(one, _CYRILLIC[one])
    return plain


def arabic(rnd: random.Random, text: str) -> str:
    """In Arabic letters: an A at the start is written, short vowels within are not, or seldom."""
    found = []
    for word in material_words(text):
        plain = word[1:] if word[0] in "aeiou" else word
        plain = re.sub(r"(.)\1", r"\1", plain)
        if plain and (len(plain) < 4 or rnd.random() < 0.5):
            plain = plain[0] + re.sub("[aeiou](?=.)", "", plain[1:])
        for one in sorted(_ARABIC, key=lambda one: -len(one)):
            plain = plain.replace(one, _ARABIC[one])
        found.append(("ا" if word[0] in "aeiou" else "") + plain)
    return " ".join(found)


def material_words(text: str) -> list[str]:
    """Words of a name in plain small letters."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.findall("[a-z]+", plain)


def added(rnd: random.Random, text: str) -> str:
    """A title, or another given name between."""
    words = text.lower().split()
    if rnd.random() < 0.5:
        return " ".join([rnd.choice(("mr", "dr.", "haji", "prof.", "sayyid")), *words])
    words.insert(rnd.randint(1, len(words)), rnd.choice(("yunus", "petrovich", "mirza", "andrea")))
    return " ".join(words)


Distortion = Callable[[random.Random, str], str]
KINDS: Final[dict[str, Distortion]] = {
    "typo": typo, "order": order, "initial": initial, "dropped": dropped, "joined": joined,
    "spelling": spelling,
}  # fmt: skip
"""The distortions that the figures of the operating curve speak of."""
MORE_KINDS: Final[dict[str, Distortion]] = {
    **KINDS,
    "script": script,
    "arabic": arabic,
    "added": added,
}


def distorted(rnd: random.Random, name: str, kind: str) -> str:
    """A listed name as somebody may write it."""
    return MORE_KINDS[kind](rnd, name)
