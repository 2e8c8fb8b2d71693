"""A policy and its image as a sequence of small marshalled parts, and back again step by step.

Guards: a part holds plain values only and is small (bounded numbers of rules or functions), so that
reading one never stops a process for long. Parts are read only after their digest was checked by
`compile_process.py`; marshal is no format for foreign bytes.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

import msgspec

from paywarden.kit.dismantling import Heap
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.compile_frames import pieces
from paywarden.risk.rules.model import Policy, Rule
from paywarden.risk.rules.online_image import OnlineImage
from paywarden.risk.rules.policy_image import PolicyImage, RuleImage

RULES_A_PART = 100
CHUNKS_A_PART = 64
ENTRIES_A_PART = 500
_PROGRAMS = ("online", "segments", "merchant_groups")
_POLICY = msgspec.msgpack.Decoder(Policy)
_WRITTEN = msgspec.msgpack.Decoder(list[Rule])


def parts_of(image: PolicyImage, policy: Policy) -> Iterator[bytes]:
    """The parts, in the order in which `Assembly` takes them."""
    yield _part("policy", msgspec.msgpack.encode(replace(policy, rules=())))
    for written in _slices(policy.rules, RULES_A_PART):
        yield _part("written", msgspec.msgpack.encode(written))
    made = [asdict(one) for one in image.made]
    yield _part("head", image.ruleset_hash, made, image.kinds, image.counts)
    for rules in _slices(image.rules, RULES_A_PART):
        yield _part("rules", [(r.condition, r.paths, r.lists, r.whole) for r in rules])
    for piece in pieces(image.graph):
        yield _part("graph", piece)
    for name in _PROGRAMS:
        yield from _program_parts(name, getattr(image, name))


def _program_parts(name: str, image: OnlineImage) -> Iterator[bytes]:
    yield _part("program", name, image.drivers, image.lists, image.repeated, image.compiled)
    for chunks in _slices(image.chunks, CHUNKS_A_PART):
        yield _part("chunks", name, chunks)
    for path, table in image.tables.items():
        for entries in _slices(table.items(), ENTRIES_A_PART):
            yield _part("table", name, path, entries)
    for field in ("asked", "parts"):
        for entries in _slices(getattr(image, field).items(), ENTRIES_A_PART):
            yield _part("entries", name, field, entries)


def packed_parts(packed: bytes) -> Iterator[bytes]:
    """Parts that carry the packed files back, behind those of the image."""
    for piece in pieces(packed):
        yield _part("packed", piece)


def _part(kind: str, *content: Any) -> bytes:
    return marshal.dumps((kind, *content))


def _slices(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while part := list(islice(left, size)):
        yield part


class Assembly:
    """Puts parts together; `policy` and `image` are there after the last one."""

    def __init__(self) -> None:
        self._programs = {name: OnlineImage() for name in _PROGRAMS}
        self._rules: list[RuleImage] = []
        self._head: tuple[Any, ...] = ()
        self._graph: list[bytes] = []
        self._packed: list[bytes] = []
        self._policy: Policy | None = None
        self._written: list[Rule] = []

    def take(self, part: bytes) -> None:
        """Read one part, whose digest the caller has checked."""
        kind, *content = marshal.loads(part)  # noqa: S302 - digest checked by the caller
        if kind == "head":
            self._head = tuple(content)
        elif kind == "rules":
            self._rules.extend(RuleImage(*rule) for rule in content[0])
        elif kind == "graph":
            self._graph.append(content[0])
        elif kind == "policy":
            self._policy = _POLICY.decode(content[0])
        elif kind == "written":
            self._written.extend(_WRITTEN.decode(content[0]))
        elif kind == "packed":
            self._packed.append(content[0])
        else:
            self._take_program(kind, self._programs[content[0]], content[1:])

    def _take_program(self, kind: str, image: OnlineImage, content: list[Any]) -> None:
        if kind == "program":
            image.drivers, image.lists, image.repeated, image.compiled = content
        elif kind == "chunks":
            image.chunks.extend(content[0])
        elif kind == "table":
            image.tables.setdefault(content[0], {}).update(content[1])
        else:
            getattr(image, content[0]).update(content[1])

    @property
    def policy(self) -> Policy:
        """The policy as it was read."""
        assert self._policy is not None
        return replace(self._policy, rules=tuple(self._written))

    @property
    def packed(self) -> bytes:
        """The packed files, when they were sent along."""
        return b"".join(self._packed)

    def used_up(self) -> list[Heap]:
        """What only the image needed, once it is loaded, to be freed in steps."""
        programs = self._programs.values()
        heaps: list[Heap] = [self._rules, self._written, *(one.chunks for one in programs)]
        return heaps + [table for one in programs for table in one.tables.values()]

    @property
    def image(self) -> PolicyImage:
        """The image of all parts."""
        ruleset, made, kinds, counts = self._head
        return PolicyImage(
            ruleset,
            tuple(msgspec.convert(one, Aggregate) for one in made),
            self._rules,
            kinds,
            b"".join(self._graph),
            self._programs["online"],
            self._programs["segments"],
            self._programs["merchant_groups"],
            counts,
        )
