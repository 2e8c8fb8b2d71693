"""The declared uses, and the agent's keys as they are now, as pages in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from paywarden.cde.inventory.declared import KEYS, Use
from paywarden.cde.inventory.protocols import DIGESTS_AND_PROTOCOLS, MODULES_USED
from paywarden.cde.keys.wire import KeyState, Pong
from paywarden.core.instants import format_rfc3339

DAY_US: Final = 86_400_000_000
_USE_HEAD: Final = (
    "name", "algorithm", "bits", "strength", "purpose", "owner", "where it lies",
    "cryptoperiod", "how it ends",
)  # fmt: skip
_KEY_HEAD: Final = (
    "key", "algorithm", "bits", "purpose", "owner", "state", "active since", "ends", "uses",
    "check value", "location",
)  # fmt: skip
_INTRODUCTION: Final = """\
# Cryptographic architecture of the card data environment

This page is made by `paywarden cde inventory --architecture` from what the code declares and
enforces; a test compares both. It answers PCI DSS 4.0.1 requirements 3.6.1.1 and 12.3.3 for the
design; `paywarden cde inventory` answers them for the keys of one installation, with their states.

"""
_HIERARCHY: Final = """\
## Hierarchy

```
unsealing key   exists only as parts of custodians (k of n, or full-length components)
  root          sealed in root.json; or the root is inside a module or a key service
    key file    sealed under the root, drawn anew at each write
      pan (version) + pan (month) -> HKDF per tenant -> wraps one data key per record
      index (version)             -> HKDF per tenant -> HMAC of the card number
      facts (version)             -> Ed25519
      state                       -> HMAC of the journal
        data key                  -> AES-256-GCM of one card number, bound to its record
```

"""
_SEPARATION: Final = """\
## Separation

- Test and live: the scope (tenant and environment) is an input of every derivation, so no key of
  one is a key of the other; production refuses a root that lies in a file or in the environment.
- One key, one purpose: every purpose has octets of its own, and derivations name theirs.
- A check value is five octets of AES-CMAC over a block of zeros, no more.

## When an algorithm weakens

Versions stand in the wrapped data and not in the records. A new algorithm comes as a new version of
a purpose: rotate, let the background work wrap anew, destroy the old version. The root changes by a
ceremony. This list is reviewed at least every twelve months (12.3.3); signatures by Ed25519 are
what a quantum computer would break first, and they protect integrity for days, not secrecy for
years. Symmetric keys have 256 bits.
"""


def architecture() -> str:
    """The document of the design."""
    parts = [_INTRODUCTION, _HIERARCHY, "## Keys\n\n", _table(_USE_HEAD, map(_use_row, KEYS))]
    parts += ["\n## Digests and protocols\n\n"]
    parts += [_table(_USE_HEAD, map(_use_row, DIGESTS_AND_PROTOCOLS))]
    head = ("kind of root", "what it is", "where", "in production")
    parts += ["\n## Devices and services that hold roots\n\n", _table(head, MODULES_USED), "\n"]
    return "".join([*parts, _SEPARATION])


def inventory(states: Sequence[KeyState], agent: Pong, now_us: int) -> str:
    """The document of one installation at one instant."""
    mode = "production" if agent.production else "development"
    head = (
        f"# Key inventory\n\nAt {format_rfc3339(now_us)}. Root: {agent.root_kind}; mode: {mode}; "
        f"{len(states)} keys.\n\n"
    )
    rows = [_key_row(one, agent.root_kind) for one in states]
    alarms = [f"- {one.purpose} {one.name}: {one.alarm}" for one in states if one.alarm]
    tail = "\nCryptoperiods that end:\n\n" + "\n".join(alarms) + "\n" if alarms else ""
    return head + _table(_KEY_HEAD, rows) + tail


def inventory_document(states: Sequence[KeyState], agent: Pong, now_us: int) -> dict[str, Any]:
    """The same as a document for machines."""
    keys = [dict(zip(_KEY_HEAD, _key_row(one, agent.root_kind), strict=True)) for one in states]
    for row, one in zip(keys, states, strict=True):
        row["alarm"] = one.alarm
    return {
        "at": format_rfc3339(now_us),
        "root": agent.root_kind,
        "production": agent.production,
        "keys": keys,
    }


def _key_row(one: KeyState, root_kind: str) -> tuple[str, ...]:
    use = _use_of(one)
    ends = one.activated_at_us + one.cryptoperiod_days * DAY_US if one.activated_at_us else 0
    return (
        f"{one.purpose} {one.name}", one.algorithm, str(use.length_bits), use.purpose, use.owner,
        one.state, _day(one.activated_at_us), _day(ends), str(one.uses), one.check_value,
        "destroyed" if one.state == "destroyed" else f"{use.location}, under root {root_kind}",
    )  # fmt: skip


def _use_of(one: KeyState) -> Use:
    month = one.purpose == "pan" and "-" in one.name
    name = "pan, of a month" if month else one.purpose
    return next(use for use in KEYS if use.name == name)


def _day(instant_us: int) -> str:
    return format_rfc3339(instant_us)[:10] if instant_us else "-"


def _use_row(use: Use) -> tuple[str, ...]:
    days = f"{use.cryptoperiod_days} days" if use.cryptoperiod_days else "-"
    bits = [str(one) if one else "-" for one in (use.length_bits, use.strength_bits)]
    return (use.name, use.algorithm, *bits, use.purpose, use.owner, use.location, days, use.end)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[cell.replace("|", "/") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)
