"""All lists in memory, per scope: the fold of list edits in log order.

Guards: state = f(log). `seal` turns what a person wrote into what may be journalled (canonical,
personal values as keyed digests); `check` says whether it would be accepted; `apply` folds it at a
log sequence that must grow. An edit is applied whole or not at all. Two tenants, or test and live,
never share a list. Not done here: the journal, permissions, and the digest's key: the caller
passes `digest(scope, kind, canonical) -> text`, a keyed hash (HMAC) under a key of the scope.

>>> from paywarden.core.scope import Environment, Scope
>>> scope = Scope("acme", Environment.TEST)
>>> lists = Lists(unhashed)
>>> edit = ListEdit(scope, "bad_mail", ListKind.EMAIL, EditAction.ADD,
...     (NewEntry("Ann@Example.org", "fraud"),), "case 7", "ann", 0)
>>> lists.apply(lists.seal(edit), 1)
>>> lists.get(scope, "bad_mail").contains("ann@example.org", 5)
True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from paywarden.core.errors import Conflict, InvalidRequest, LimitExceeded, NotFound
from paywarden.core.money import INT64_MAX
from paywarden.core.scope import Scope
from paywarden.risk.lists.model import (
    MAX_AUTHOR_CHARS,
    MAX_ENTRIES,
    MAX_LISTS,
    MAX_REASON_CHARS,
    MAX_VALUE_CHARS,
    EditAction,
    ListEdit,
    ListKind,
    NewEntry,
    canonical_value,
    check_name,
    holds_card_number,
)
from paywarden.risk.lists.named import NamedList

Digest = Callable[[Scope, ListKind, str], str]
"""Keyed hash of a canonical personal value; 16-128 printable characters."""


def unhashed(_scope: Scope, _kind: ListKind, canonical: str) -> str:
    """The insecure stand-in for a digest: keeps personal values in the clear. Tests only."""
    return canonical


class Lists:
    """Named lists by scope."""

    def __init__(
        self, digest: Digest, *, max_lists: int = MAX_LISTS, max_entries: int = MAX_ENTRIES
    ) -> None:
        self._digest = digest
        self._max_lists = max_lists
        self._max_entries = max_entries
        self._scopes: dict[Scope, dict[str, NamedList]] = {}
        self._versions: dict[tuple[Scope, str], int] = {}
        self._applied: dict[Scope, int] = {}

    def get(self, scope: Scope, name: str) -> NamedList | None:
        """The list of that name, or None."""
        return self._scopes.get(scope, {}).get(name)

    def of(self, scope: Scope) -> Mapping[str, NamedList]:
        """All lists of a scope by name; do not change it."""
        return self._scopes.get(scope, {})

    def applied(self, scope: Scope) -> int:
        """Sequence of the last applied edit of a scope, 0 before the first."""
        return self._applied.get(scope, 0)

    def key(self, scope: Scope, kind: ListKind, canonical: str) -> str:
        """Key under which a canonical value is stored."""
        return self._digest(scope, kind, canonical) if kind.personal else canonical

    def seal(self, edit: ListEdit) -> ListEdit:
        """The edit with canonical values, digests where personal; ready for the journal.

        Errors: InvalidRequest `list_bad_value` (pointer `/entries/N/value`), also when the edit is
        sealed already (`list_edit_sealed`) or holds a card number (`card_number_not_accepted`);
        the errors of `check`.
        """
        if edit.sealed:
            raise InvalidRequest("list_edit_sealed", "this edit is sealed already; apply it")
        entries = tuple(
            replace(entry, value=self._sealed_value(edit, number, entry.value))
            for number, entry in enumerate(edit.entries)
        )
        sealed = replace(edit, entries=entries, sealed=True)
        self.check(sealed)
        return sealed

    def _sealed_value(self, edit: ListEdit, number: int, value: str) -> str:
        canonical = canonical_value(edit.kind, value)
        if canonical is None:
            detail = f"not a value that a list of kind {edit.kind.value} can hold"
            raise InvalidRequest("list_bad_value", detail, pointer=f"/entries/{number}/value")
        if holds_card_number(edit.kind, value):
            detail = "a card number is never kept; list the card's fingerprint or token"
            pointer = f"/entries/{number}/value"
            raise InvalidRequest("card_number_not_accepted", detail, pointer=pointer)
        return self.key(edit.scope, edit.kind, canonical)

    def check(self, edit: ListEdit) -> None:
        """Raise what `apply` would raise for a sealed edit, sequence apart; change nothing.

        Errors: InvalidRequest `list_edit_unsealed`, `list_bad_name`, `list_bad_text`,
        `list_value_too_long`, `list_bad_expiry`, `list_value_repeated`, `list_entries_unwanted`;
        NotFound `list_unknown`; Conflict `list_kind_differs`; LimitExceeded `list_too_many`,
        `list_too_long`.
        """
        if not edit.sealed:
            raise InvalidRequest("list_edit_unsealed", "seal the edit before it is journalled")
        check_name(edit.name)
        _check_text("reason", edit.reason, MAX_REASON_CHARS)
        _check_text("by", edit.by, MAX_AUTHOR_CHARS)
        _check_entries(edit)
        known = self.get(edit.scope, edit.name)
        if known is None:
            self._check_new(edit)
        elif known.kind is not edit.kind:
            detail = f"the list holds kind {known.kind.value}; drop it first"
            raise Conflict("list_kind_differs", detail)
        self._check_size(edit, known)

    def _check_new(self, edit: ListEdit) -> None:
        if edit.action not in (EditAction.ADD, EditAction.REPLACE):
            raise NotFound("list_unknown", "there is no list of this name")
        if len(self.of(edit.scope)) >= self._max_lists:
            detail = f"{self._max_lists} lists exist; drop one first"
            raise LimitExceeded("list_too_many", detail)

    def _check_size(self, edit: ListEdit, known: NamedList | None) -> None:
        size = len(edit.entries)
        if edit.action is EditAction.ADD and known is not None:
            size = len(known) + sum(entry.value not in known.entries for entry in edit.entries)
        if size > self._max_entries:
            detail = f"a list holds at most {self._max_entries} entries; purge or split it"
            raise LimitExceeded("list_too_long", detail)

    def apply(self, edit: ListEdit, seq: int) -> None:
        """Fold one sealed edit logged at `seq`; whole or not at all.

        Errors: those of `check`; Conflict `list_edit_out_of_order` unless `seq` grows.
        """
        if seq <= self.applied(edit.scope):
            detail = "edits are applied once, in the order of the log"
            raise Conflict("list_edit_out_of_order", detail)
        self.check(edit)
        lists = self._scopes.setdefault(edit.scope, {})
        version = self._versions.get((edit.scope, edit.name), 0) + 1
        if edit.action is EditAction.DROP:
            del lists[edit.name]
        else:
            named = lists.get(edit.name)
            if named is None:
                seal = partial(self.key, edit.scope)
                named = lists[edit.name] = NamedList(edit.name, edit.kind, seal)
            _fold(named, edit)
            named.version = version
        # Kept over a drop: a name and a version never mean two contents.
        self._versions[edit.scope, edit.name] = version
        self._applied[edit.scope] = seq


def _fold(named: NamedList, edit: ListEdit) -> None:
    if edit.action is EditAction.PURGE:
        for key in named.expired(edit.at_us):
            named.remove(key)
        return
    if edit.action is EditAction.REMOVE:
        for entry in edit.entries:
            named.remove(entry.value)
        return
    if edit.action is EditAction.REPLACE:
        named.clear()
    for entry in edit.entries:
        named.put(entry, edit.at_us, edit.by)


def _check_text(what: str, text: str, limit: int) -> None:
    if len(text) > limit or not text.isprintable():
        detail = f"{what} must be at most {limit} printable characters"
        raise InvalidRequest("list_bad_text", detail, pointer=f"/{what}")


def _check_entries(edit: ListEdit) -> None:
    if edit.entries and edit.action in (EditAction.PURGE, EditAction.DROP):
        raise InvalidRequest("list_entries_unwanted", f"{edit.action.value} takes no entries")
    seen: set[str] = set()
    for number, entry in enumerate(edit.entries):
        _check_entry(entry, number)
        if entry.value in seen:
            pointer = f"/entries/{number}/value"
            detail = "the same value stands twice in one edit"
            raise InvalidRequest("list_value_repeated", detail, pointer=pointer)
        seen.add(entry.value)


def _check_entry(entry: NewEntry, number: int) -> None:
    if not 0 < len(entry.value) <= MAX_VALUE_CHARS or not entry.value.isprintable():
        detail = f"a value is 1-{MAX_VALUE_CHARS} printable characters"
        raise InvalidRequest("list_value_too_long", detail, pointer=f"/entries/{number}/value")
    if len(entry.reason) > MAX_REASON_CHARS or not entry.reason.isprintable():
        detail = f"a reason is at most {MAX_REASON_CHARS} printable characters"
        raise InvalidRequest("list_bad_text", detail, pointer=f"/entries/{number}/reason")
    if entry.expires_at_us is not None and not 0 <= entry.expires_at_us <= INT64_MAX:
        detail = "expires_at must be an instant after 1970"
        raise InvalidRequest("list_bad_expiry", detail, pointer=f"/entries/{number}/expires_at")
