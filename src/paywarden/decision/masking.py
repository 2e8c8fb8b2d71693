"""Masking of personal fields wherever a record is shown; the full value never leaves unasked.

Guards: a path that the catalogue marks personal is masked by its own form; one without a form is
shown as `***`. The right to reveal comes with the privacy room. Standard: PCI DSS 4.0.1, 3.4.

>>> mask("payer.email", "ann@example.org")
'a**@example.org'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paywarden.risk.features.catalogue import FIELDS

HIDDEN = "***"


def mask(path: str, value: Any) -> Any:
    """The value as it may be shown: unchanged unless personal."""
    field = FIELDS.get(path)
    form = _FORMS.get(path)
    if form is None and not (field is not None and field.personal):
        return value
    return form(str(value)) if form is not None else HIDDEN


def mask_all(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Every field masked as needed."""
    return {path: mask(path, value) for path, value in fields.items()}


def _initials(text: str) -> str:
    return " ".join(word[0] + "**" for word in text.split()[:6])


def _email(text: str) -> str:
    local, at, domain = text.rpartition("@")
    return f"{local[:1]}**@{domain}" if at else HIDDEN


def _tail(text: str) -> str:
    return "**" + text[-2:] if len(text) > 6 else HIDDEN


def _network(text: str) -> str:
    separator = ":" if ":" in text else "."
    return separator.join([*text.split(separator)[:2], "*"])


_FORMS: Mapping[str, Callable[[str], str]] = {
    "payer.name": _initials,
    "payee.name": _initials,
    "payer.email": _email,
    "email.canonical": _email,
    "payer.phone": _tail,
    "phone.canonical": _tail,
    "payer.birth_date": lambda text: text[:4] + "-**-**",
    "payee.account": _tail,
    "card.expiry": lambda text: text[:4] + "-**",
    "device.ip": _network,
    "ip.address": _network,
    "shipping_address.key": lambda text: HIDDEN,
}
