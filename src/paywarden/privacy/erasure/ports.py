"""Ports of erasures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.privacy.erasure.model import Erasure


class SubjectNames(Protocol):
    """Names the subjects that identifiers stand for."""

    def __call__(self, scope: Scope, given: Mapping[str, str]) -> tuple[str, ...]:
        """Subjects in rising order. Errors: InvalidRequest for what cannot be read, Unavailable."""
        ...


class Store(Protocol):
    """What was erased; nothing is ever taken out."""

    def add(self, unit: UnitOfWork, erasure: Erasure) -> None:
        """Write an erasure with the unit."""
        ...

    def last_of(self, scope: Scope, subject: str) -> Erasure | None:
        """The newest erasure of a subject."""
        ...

    def all(self) -> Iterator[Erasure]:
        """Every erasure of every scope, in pages."""
        ...
