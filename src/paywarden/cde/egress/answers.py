"""What may come back of an answer: listed fields of listed content types, scrubbed of echoes.

Guards, in order: status, content type, size, JSON; then only single values at listed pointers (an
object or list there is withheld, for nobody listed what it holds); then no value that echoes the
card in any form. A refused status gives its number alone. `*` in a pointer stands for every place
of a list. Headers never come back. Source: PCI DSS 4.0.1, 3.3 and 3.4.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from paywarden.cde.egress.echoes import Echoes
from paywarden.cde.egress.pointers import Steps, parsed
from paywarden.cde_client.card_acts import Destination

VALUES_LIMIT: Final = 1_000
TEXT_LIMIT: Final = 4_096
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as it came: `octets` is None when it was over its limit."""

    status: int
    content_type: str
    octets: bytes | None


@dataclass(frozen=True, slots=True)
class Passed:
    """What may be told: fields in their nesting, why a body was withheld, echoes by place."""

    status: int
    body: Any = None
    withheld: str | None = None
    echoes: tuple[tuple[str, str], ...] = field(default=())


def passed(received: Received, destination: Destination, echoes: Echoes) -> Passed:
    """The part of an answer that the destination's approval lets through."""
    if received.status not in destination.statuses:
        return Passed(received.status, withheld="status_not_listed")
    if received.content_type.partition(";")[0].strip().lower() not in destination.content_types:
        return Passed(received.status, withheld="content_type_not_listed")
    if received.octets is None:
        return Passed(received.status, withheld="answer_too_large")
    try:
        tree = json.loads(received.octets)
    except (ValueError, RecursionError):
        return Passed(received.status, withheld="answer_not_json")
    kept = list(_kept(tree, destination.answer_fields))
    if len(kept) > VALUES_LIMIT:
        return Passed(received.status, withheld="answer_too_large")
    return _scrubbed(received.status, kept, echoes)


def _scrubbed(status: int, kept: list[tuple[Path, Any]], echoes: Echoes) -> Passed:
    texts = [_text(value) for _, value in kept]
    hits = {at: found for at, text in enumerate(texts) if (found := _found(echoes, text))}
    for at in echoes.split_over(texts):
        hits.setdefault(at, "number")
    left = [one for at, one in enumerate(kept) if at not in hits]
    told = tuple((_pointer(kept[at][0]), found) for at, found in sorted(hits.items()))
    return Passed(status, _nested(left), None, told)


def _found(echoes: Echoes, text: str) -> str | None:
    return "tangled" if len(text) > TEXT_LIMIT else echoes.found_in(text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _kept(tree: Any, pointers: list[str]) -> Iterator[tuple[Path, Any]]:
    seen: set[Path] = set()
    for pointer in pointers:
        for path, value in _at(tree, parsed(pointer) or (), ()):
            if path not in seen and not isinstance(value, dict | list):
                seen.add(path)
                yield path, value


def _at(tree: Any, steps: Steps, path: Path) -> Iterator[tuple[Path, Any]]:
    if not steps:
        yield path, tree
    elif isinstance(tree, dict):
        if steps[0] in tree:
            yield from _at(tree[steps[0]], steps[1:], (*path, steps[0]))
    elif isinstance(tree, list):
        for place, item in enumerate(tree[:VALUES_LIMIT]):
            if steps[0] in ("*", str(place)):
                yield from _at(item, steps[1:], (*path, place))


def _nested(kept: list[tuple[Path, Any]]) -> Any:
    """Values in their nesting; a list becomes an object by place, so that gaps stay gaps."""
    root: dict[str, Any] = {}
    for path, value in kept:
        here = root
        for step in path[:-1]:
            here = here.setdefault(str(step), {})
        if path:
            here[str(path[-1])] = value
    return root


def _pointer(path: Path) -> str:
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
