"""Put a value of the payment on a list of the policy, for a limited time.

    add_to_list: {list: blocked_devices, value: device.id, expires_in: 7d, reason: card testing}

Guards: the list is declared, the value is a text of the catalogue, the time is bounded, so that an
automatic entry always ends. A card, device, address or contact that more than `most_payers` payers
used within 30 days (a carrier's address, a device of a shop) is never entered: the window that
counts them comes with the action. The decision makes the entry in its own commit; lists log it like
one made by hand.
"""

from __future__ import annotations

from typing import Final

from paywarden.core.instants import DAY_US
from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.features.model import SECOND_US, Aggregate
from paywarden.risk.rules.actions.registry import ActionContext, ActionKind
from paywarden.risk.rules.fields import Fields
from paywarden.risk.rules.windows import read_length

MOST_PAYERS: Final = 10
"""Payers of one entity within SHARING_DAYS, above which it is shared."""
SHARING_DAYS: Final = 30
_SHARED: Final = {
    "card.fingerprint": "card",
    "device.id": "device",
    "device.ip": "ip",
    "ip.address": "ip",
    "payer.email": "email",
    "payer.phone": "phone",
}
"""Values that several payers may share, and the key that windows count them by."""


def sharing_window(value: str) -> Aggregate | None:
    """The window that counts payers of a value; None for values that are one party's own."""
    key = _SHARED.get(value)
    if key is None:
        return None
    length_us = SHARING_DAYS * DAY_US
    return Aggregate("", "distinct", "payer.id", (key,), length_us, False, None, False)


def _read(fields: Fields, context: ActionContext) -> dict[str, str | int | bool]:
    name = fields.scalar("list", required=True)
    if name is not None and name.text not in context.lists:
        fields.unknown(name, "list", context.lists)
    value = fields.scalar("value", required=True)
    texts = [path for path, field in FIELDS.items() if field.type == "string"]
    if value is not None and value.text not in texts:
        fields.unknown(value, "field", texts)
    found: dict[str, str | int | bool] = {
        "list": name.text if name else "",
        "value": value.text if value else "",
        "expires_seconds": _seconds(fields),
        "reason": fields.text("reason"),
    }
    if fields.node("most_payers") is not None:
        found["most_payers"] = fields.integer("most_payers", 1, 10_000)
    return found


def _seconds(fields: Fields) -> int:
    scalar = fields.scalar("expires_in", required=True)
    if scalar is None:
        return 0
    try:
        length_us, _ = read_length(scalar.text)
    except ValueError:
        length_us = None
    if length_us is None:
        fields.wrong(scalar.source, "expires_in", "a time from 1s to 90d, such as 7d")
        return 0
    return length_us // SECOND_US


ACTION = ActionKind(
    "Put a value of the payment on a list, for a limited time",
    ("list", "value", "expires_in", "reason", "most_payers"),
    _read,
)
