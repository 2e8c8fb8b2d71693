"""Names of the made-up list, and ways in which people write a name to get it past a list.

The list (`made-up-list.csv`) has the form of an operator's own list, so that it can be taken in,
screened against and shown; no entry means anybody. Distortions are drawn, so two attempts differ.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import numpy as np

LIST_FILE: Final = "made-up-list.csv"
_LOOKS_LIKE: Final = str.maketrans("aeopcxyAEOPCXTMH", "аеорсхуАЕОРСХТМН")
_SOUNDS: Final = (("v", "w"), ("k", "q"), ("y", "i"), ("zh", "j"), ("ou", "u"), ("s", "z"))


class Listed(NamedTuple):
    """One entry: its main name and the others."""

    id: str
    name: str
    aliases: tuple[str, ...]


def list_octets() -> bytes:
    """The list as a file of an operator's own."""
    return files(__package__).joinpath(LIST_FILE).read_bytes()


@cache
def listed() -> tuple[Listed, ...]:
    """All entries."""
    rows = csv.DictReader(list_octets().decode("utf-8").splitlines())
    return tuple(
        Listed(row["id"], row["name"], tuple(filter(None, row["aliases"].split(";"))))
        for row in rows
    )


def evasion(rng: np.random.Generator, entry: Listed) -> str:
    """The entry's name as somebody writes it who hopes that it is not found."""
    ways: tuple[Callable[[np.random.Generator, Listed], str], ...] = (
        _plain, _alias, _turned, _slipped, _initial, _sounds, _letters, _shorter,
    )  # fmt: skip
    return ways[int(rng.integers(0, len(ways)))](rng, entry)


def resemblance(rng: np.random.Generator, given: str, family: str) -> str:
    """The name of an innocent who shares one part with somebody on the list."""
    people = [entry.name for entry in listed() if len(entry.name.split()) == 2]
    first, last = people[int(rng.integers(0, len(people)))].split()
    return f"{first} {family}" if rng.random() < 0.5 else f"{given} {last}"


def _plain(_rng: np.random.Generator, entry: Listed) -> str:
    return entry.name


def _alias(rng: np.random.Generator, entry: Listed) -> str:
    return entry.aliases[int(rng.integers(0, len(entry.aliases)))]


def _turned(_rng: np.random.Generator, entry: Listed) -> str:
    first, *rest = entry.name.split()
    return " ".join([*rest, first]).upper()


def _slipped(rng: np.random.Generator, entry: Listed) -> str:
    """Two neighbouring letters exchanged, or one left out."""
    at = int(rng.integers(1, len(entry.name) - 2))
    kept = entry.name[at + 1] + entry.name[at] if rng.random() < 0.5 else entry.name[at]
    return entry.name[:at] + kept + entry.name[at + 2 :]


def _initial(_rng: np.random.Generator, entry: Listed) -> str:
    first, *rest = entry.name.split()
    return " ".join([first[0] + ".", *rest])


def _sounds(rng: np.random.Generator, entry: Listed) -> str:
    fits = [pair for pair in _SOUNDS if pair[0] in entry.name.lower()] or [("e", "ee")]
    before, after = fits[int(rng.integers(0, len(fits)))]
    return entry.name.replace(before, after)


def _letters(_rng: np.random.Generator, entry: Listed) -> str:
    """Letters of another script that look the same."""
    first, rest = entry.name.split(" ", 1)
    return first.translate(_LOOKS_LIKE) + " " + rest


def _shorter(_rng: np.random.Generator, entry: Listed) -> str:
    """Without hyphens and legal form, words joined where they were two."""
    words = [word for word in entry.name.replace("-", " ").split() if word not in ("Ltd", "LLC")]
    return " ".join(words)
