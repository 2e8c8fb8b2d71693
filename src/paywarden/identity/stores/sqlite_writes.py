"""How each change of identity becomes rows in SQLite.

Guards: one function per kind of change, in one table, so that a change without a way to be written
is a fault at once. Counts and times that only grow do so in the statement itself, whatever order
writers come in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from paywarden.identity import changes as c
from paywarden.kit.db.statement import Change, Insert, Parameters, Statement

Write = tuple[Statement, Parameters]
SWEEP_ROWS: Final = 500
_ACCOUNT = (
    "scope", "person", "state", "login_digest", "skeleton_digest", "email_digest", "sealed",
    "created_at_us", "failures", "locked_until_us", "last_sign_in_us", "enabled_at_us",
)  # fmt: skip
_PASSKEY = (
    "scope", "credential_id", "person", "name", "public_key", "sign_count", "created_at_us",
    "last_used_us", "transports",
)  # fmt: skip
_SESSION = (
    "token_digest", "session", "scope", "person", "kind", "methods", "auth_at_us",
    "created_at_us", "last_seen_us", "ends_at_us", "revoked_at_us",
)  # fmt: skip
_LINK = ("scope", "digest", "person", "made_by", "made_at_us", "expires_at_us")
ADD_ACCOUNT: Final = Insert("accounts", _ACCOUNT)
ADD_PASSKEY: Final = Insert("passkeys", _PASSKEY)
ADD_SESSION: Final = Insert("sessions", _SESSION)
ADD_CODE: Final = Insert("recovery_codes", ("scope", "person", "digest"))
ADD_LINK: Final = Insert("enrolment_links", _LINK)
SPEND: Final = Insert("spent", ("scope", "purpose", "digest", "expires_at_us"))
_SET_STATE = Change(
    "set_account_state", "UPDATE accounts SET state = ? WHERE scope = ? AND person = ?"
)
_ENABLE = Change(
    "enable_account",
    "UPDATE accounts SET state = 'active', failures = 0, locked_until_us = 0, enabled_at_us = ?"
    " WHERE scope = ? AND person = ?",
)
_SET_FAILURES = Change(
    "set_account_failures",
    "UPDATE accounts SET failures = ?, locked_until_us = ? WHERE scope = ? AND person = ?",
)
_SIGNED_IN = Change(
    "note_sign_in",
    "UPDATE accounts SET failures = 0, locked_until_us = 0, last_sign_in_us = ?"
    " WHERE scope = ? AND person = ?",
)
_GRANT = Change(
    "grant_role",
    "INSERT INTO role_grants (scope, person, role, granted_by, granted_at_us, expires_at_us)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (scope, person, role) DO UPDATE SET"
    " granted_by = excluded.granted_by, granted_at_us = excluded.granted_at_us,"
    " expires_at_us = excluded.expires_at_us",
)
_WITHDRAW = Change(
    "withdraw_role", "DELETE FROM role_grants WHERE scope = ? AND person = ? AND role = ?"
)
_SET_PASSWORD = Change(
    "set_password",
    "INSERT INTO passwords (scope, person, encoded, set_at_us, earlier) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (scope, person) DO UPDATE SET encoded = excluded.encoded,"
    " set_at_us = excluded.set_at_us, earlier = excluded.earlier",
)
_USE_PASSKEY = Change(
    "use_passkey",
    "UPDATE passkeys SET sign_count = max(sign_count, ?),"
    " last_used_us = max(coalesce(last_used_us, 0), ?) WHERE scope = ? AND credential_id = ?",
)
_REMOVE_PASSKEY = Change(
    "remove_passkey", "DELETE FROM passkeys WHERE scope = ? AND person = ? AND credential_id = ?"
)
_SET_TOTP = Change(
    "set_totp",
    "INSERT INTO totp_seeds (scope, person, sealed, made_at_us, confirmed, last_step)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (scope, person) DO UPDATE SET"
    " sealed = excluded.sealed, made_at_us = excluded.made_at_us,"
    " confirmed = excluded.confirmed, last_step = excluded.last_step",
)
_USE_TOTP = Change(
    "use_totp",
    "UPDATE totp_seeds SET last_step = max(last_step, ?) WHERE scope = ? AND person = ?",
)
_DROP_CODES = Change(
    "drop_recovery_codes", "DELETE FROM recovery_codes WHERE scope = ? AND person = ?"
)
_USE_CODE = Change(
    "use_recovery_code",
    "DELETE FROM recovery_codes WHERE scope = ? AND person = ? AND digest = ?",
)
_DROP_LINKS = Change(
    "drop_enrolment_links", "DELETE FROM enrolment_links WHERE scope = ? AND person = ?"
)
_SEE = Change(
    "see_session",
    "UPDATE sessions SET last_seen_us = max(last_seen_us, ?) WHERE scope = ? AND session = ?",
)
_REVOKE = Change(
    "revoke_session",
    "UPDATE sessions SET revoked_at_us = ?"
    " WHERE scope = ? AND person = ? AND session = ? AND revoked_at_us IS NULL",
)
_REVOKE_ALL = Change(
    "revoke_sessions",
    "UPDATE sessions SET revoked_at_us = ?"
    " WHERE scope = ? AND person = ? AND session <> ? AND revoked_at_us IS NULL",
)
_SWEEP_SPENT = Change(
    "sweep_spent",
    "DELETE FROM spent WHERE (scope, purpose, digest) IN (SELECT scope, purpose, digest FROM spent"
    " WHERE expires_at_us <= ? ORDER BY expires_at_us LIMIT ?)",
)
_SWEEP_SESSIONS = Change(
    "sweep_sessions",
    "DELETE FROM sessions WHERE token_digest IN (SELECT token_digest FROM sessions"
    " WHERE ends_at_us <= ? ORDER BY ends_at_us LIMIT ?)",
)


def _account(change: c.AccountAdded) -> list[Write]:
    a = change.account
    row = (
        a.scope.text, a.person.text, a.state.value, a.login_digest, a.skeleton_digest,
        a.email_digest, a.sealed, a.created_at_us, a.failures, a.locked_until_us,
        a.last_sign_in_us, a.enabled_at_us,
    )  # fmt: skip
    return [(ADD_ACCOUNT, row)]


def _state(change: c.StateSet) -> list[Write]:
    return [(_SET_STATE, (change.state.value, change.scope.text, change.person.text))]


def _enabled(change: c.Enabled) -> list[Write]:
    return [(_ENABLE, (change.at_us, change.scope.text, change.person.text))]


def _failures(change: c.FailuresSet) -> list[Write]:
    where = (change.scope.text, change.person.text)
    return [(_SET_FAILURES, (change.failures, change.locked_until_us, *where))]


def _signed_in(change: c.SignedIn) -> list[Write]:
    return [(_SIGNED_IN, (change.at_us, change.scope.text, change.person.text))]


def _grant(change: c.RoleGranted) -> list[Write]:
    g = change.grant
    by = g.granted_by.text if g.granted_by else None
    row = (change.scope.text, g.person.text, g.role, by, g.granted_at_us, g.expires_at_us)
    return [(_GRANT, row)]


def _withdraw(change: c.RoleWithdrawn) -> list[Write]:
    return [(_WITHDRAW, (change.scope.text, change.person.text, change.role))]


def _password(change: c.PasswordSet) -> list[Write]:
    r = change.record
    earlier = msgspec.json.encode(r.earlier).decode()
    return [(_SET_PASSWORD, (change.scope.text, r.person.text, r.encoded, r.set_at_us, earlier))]


def _passkey(change: c.PasskeyAdded) -> list[Write]:
    p = change.passkey
    row = (
        change.scope.text, p.credential_id, p.person.text, p.name, p.public_key, p.sign_count,
        p.created_at_us, p.last_used_us, p.transports,
    )  # fmt: skip
    return [(ADD_PASSKEY, row)]


def _passkey_used(change: c.PasskeyUsed) -> list[Write]:
    where = (change.scope.text, change.credential_id)
    return [(_USE_PASSKEY, (change.sign_count, change.at_us, *where))]


def _passkey_removed(change: c.PasskeyRemoved) -> list[Write]:
    return [(_REMOVE_PASSKEY, (change.scope.text, change.person.text, change.credential_id))]


def _totp(change: c.TotpSet) -> list[Write]:
    s = change.seed
    row = (change.scope.text, s.person.text, s.sealed, s.made_at_us, int(s.confirmed), s.last_step)
    return [(_SET_TOTP, row)]


def _totp_used(change: c.TotpUsed) -> list[Write]:
    return [(_USE_TOTP, (change.step, change.scope.text, change.person.text))]


def _codes(change: c.RecoveryCodesSet) -> list[Write]:
    whose = (change.scope.text, change.person.text)
    return [(_DROP_CODES, whose), *((ADD_CODE, (*whose, digest)) for digest in change.digests)]


def _code_used(change: c.RecoveryCodeUsed) -> list[Write]:
    return [(_USE_CODE, (change.scope.text, change.person.text, change.digest))]


def _link(change: c.LinkMade) -> list[Write]:
    k = change.link
    row = (k.scope.text, k.digest, k.person.text, k.made_by, k.made_at_us, k.expires_at_us)
    return [(_DROP_LINKS, (k.scope.text, k.person.text)), (ADD_LINK, row)]


def _spent(change: c.Spent) -> list[Write]:
    return [(SPEND, (change.scope.text, change.purpose, change.digest, change.expires_at_us))]


def _session(change: c.SessionOpened) -> list[Write]:
    s = change.session
    row = (
        s.token_digest, s.session.text, s.scope.text, s.person.text, s.kind.value,
        " ".join(s.methods), s.auth_at_us, s.created_at_us, s.last_seen_us, s.ends_at_us,
        s.revoked_at_us,
    )  # fmt: skip
    return [(ADD_SESSION, row)]


def _seen(change: c.SessionSeen) -> list[Write]:
    return [(_SEE, (change.at_us, change.scope.text, change.session.text))]


def _revoked(change: c.SessionRevoked) -> list[Write]:
    whose = (change.scope.text, change.person.text)
    return [(_REVOKE, (change.at_us, *whose, change.session.text))]


def _all_revoked(change: c.SessionsRevoked) -> list[Write]:
    kept = change.kept.text if change.kept else ""
    return [(_REVOKE_ALL, (change.at_us, change.scope.text, change.person.text, kept))]


def _swept(change: c.Swept) -> list[Write]:
    bound = (change.now_us, SWEEP_ROWS)
    return [(_SWEEP_SPENT, bound), (_SWEEP_SESSIONS, bound)]


WRITES: Final[dict[type, Callable[[Any], list[Write]]]] = {
    c.AccountAdded: _account,
    c.StateSet: _state,
    c.Enabled: _enabled,
    c.FailuresSet: _failures,
    c.SignedIn: _signed_in,
    c.RoleGranted: _grant,
    c.RoleWithdrawn: _withdraw,
    c.PasswordSet: _password,
    c.PasskeyAdded: _passkey,
    c.PasskeyUsed: _passkey_used,
    c.PasskeyRemoved: _passkey_removed,
    c.TotpSet: _totp,
    c.TotpUsed: _totp_used,
    c.RecoveryCodesSet: _codes,
    c.RecoveryCodeUsed: _code_used,
    c.LinkMade: _link,
    c.Spent: _spent,
    c.SessionOpened: _session,
    c.SessionSeen: _seen,
    c.SessionRevoked: _revoked,
    c.SessionsRevoked: _all_revoked,
    c.Swept: _swept,
}


def writes_of(change: c.Change) -> list[Write]:
    """Statements of a change, in order."""
    return WRITES[type(change)](change)
