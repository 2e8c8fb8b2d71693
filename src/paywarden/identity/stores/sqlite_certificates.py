"""Certificate bindings in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from paywarden.core.scope import Scope
from paywarden.identity.certificate_bindings import Binding
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import SchemaPart
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork

CERTIFICATES: Final = SchemaPart(
    "certificate_bindings",
    "certificate_bindings_0001",
    "paywarden.identity:migrations/certificates",
)
_INSERT = Insert("certificate_bindings", ("key_id", "thumbprint", "scope", "bound_at_us"))
_REMOVE = Change(
    "release_certificate",
    "DELETE FROM certificate_bindings WHERE key_id = ? AND thumbprint = ? AND scope = ?",
)
_OF_KEY = (
    "SELECT thumbprint, bound_at_us FROM certificate_bindings WHERE key_id = ? AND scope = ?"
    " ORDER BY bound_at_us, thumbprint LIMIT 10"
)
_LISTED = (
    "SELECT key_id, thumbprint, bound_at_us FROM certificate_bindings WHERE scope = ?"
    " ORDER BY key_id, bound_at_us, thumbprint"
)


class SqliteBindings:
    """`BindingStore` over the table `certificate_bindings`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def of_key(self, scope: Scope, key_id: str) -> Sequence[Binding]:
        """Bindings of a key, oldest first."""
        rows = self._reader.rows(_OF_KEY, (key_id, scope.text))
        return [Binding(scope, key_id, thumbprint, at) for thumbprint, at in rows]

    def listed(self, scope: Scope) -> Sequence[Binding]:
        """All bindings of a scope, by key and age."""
        rows = self._reader.rows(_LISTED, (scope.text,))
        return [Binding(scope, key_id, thumbprint, at) for key_id, thumbprint, at in rows]

    def add(self, unit: UnitOfWork, binding: Binding) -> None:
        """Store a binding with the unit."""
        one = binding
        unit.add(_INSERT, (one.key_id, one.thumbprint, one.scope.text, one.bound_at_us))

    def remove(self, unit: UnitOfWork, scope: Scope, key_id: str, thumbprint: str) -> None:
        """End a binding with the unit."""
        unit.add(_REMOVE, (key_id, thumbprint, scope.text))
