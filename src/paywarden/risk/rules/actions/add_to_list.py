"""Put a value of the payment on a list of the policy, for a limited time.

    add_to_list: {list: blocked_devices, value: device.id, expires_in: 7d, reason: card testing}

Guards: the list is declared, the value is a text of the catalogue, the time is bounded, so that an
automatic entry always ends. The worker makes the entry; lists log it like one made by hand.
"""

from __future__ import annotations

from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.features.model import SECOND_US
from paywarden.risk.rules.actions.registry import ActionContext, ActionKind
from paywarden.risk.rules.fields import Fields
from paywarden.risk.rules.windows import read_length


def _read(fields: Fields, context: ActionContext) -> dict[str, str | int | bool]:
    name = fields.scalar("list", required=True)
    if name is not None and name.text not in context.lists:
        fields.unknown(name, "list", context.lists)
    value = fields.scalar("value", required=True)
    texts = [path for path, field in FIELDS.items() if field.type == "string"]
    if value is not None and value.text not in texts:
        fields.unknown(value, "field", texts)
    return {
        "list": name.text if name else "",
        "value": value.text if value else "",
        "expires_seconds": _seconds(fields),
        "reason": fields.text("reason"),
    }


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
    ("list", "value", "expires_in", "reason"),
    _read,
)
