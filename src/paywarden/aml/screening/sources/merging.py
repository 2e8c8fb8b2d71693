"""One id told by several files: one entity with the names and facts of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from paywarden.aml.screening.model import ListedEntity, ListedName
from paywarden.aml.screening.sources.limits import REMARKS_LIMIT

T = TypeVar("T")


def merged(entities: Iterable[ListedEntity]) -> tuple[ListedEntity, ...]:
    """Entities by id, in order of first appearance."""
    known: dict[str, ListedEntity] = {}
    for one in entities:
        before = known.get(one.id)
        if before is None:
            known[one.id] = one
        elif before.content_hash != one.content_hash:
            known[one.id] = _joined(before, one)
    return tuple(known.values())


def _joined(first: ListedEntity, second: ListedEntity) -> ListedEntity:
    remarks = first.remarks
    if second.remarks and second.remarks not in remarks:
        remarks = f"{remarks} {second.remarks}".strip()[:REMARKS_LIMIT]
    return replace(
        first,
        names=_names(first.names, second.names),
        birth_dates=_both(first.birth_dates, second.birth_dates),
        countries=tuple(sorted({*first.countries, *second.countries})),
        genders=tuple(sorted({*first.genders, *second.genders})),
        identifiers=_both(first.identifiers, second.identifiers),
        programs=_both(first.programs, second.programs),
        remarks=remarks,
    )


def _names(first: tuple[ListedName, ...], second: tuple[ListedName, ...]) -> tuple[ListedName, ...]:
    known = {one.text for one in first}
    more = (one for one in second if one.text not in known)
    return first + tuple(
        ListedName(one.text, "alias") if one.kind == "primary" else one for one in more
    )


def _both(first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))
