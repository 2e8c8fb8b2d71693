"""Webhooks, wired: stores and keys that the API and the worker share."""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.aml.alerts.events import EVENT_TYPES as AML_EVENT_TYPES
from paywarden.aml.customer_risk.webhook_types import EVENT_TYPES as CUSTOMER_RISK_TYPES
from paywarden.core.clock import Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.decision.webhook_types import EVENT_TYPES
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.settings import Webhooks
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_webhook_deliveries import WEBHOOK_DELIVERIES, SqliteDeliveries
from paywarden.kit.stores.sqlite_webhook_endpoints import SqliteEndpoints
from paywarden.kit.webhooks.addresses import Allowed
from paywarden.kit.webhooks.catalogue import Catalogue
from paywarden.kit.webhooks.secret_box import SecretBox

DELIVERY_PARTS = (WEBHOOK_DELIVERIES,)


@dataclass(frozen=True, slots=True)
class WebhookParts:
    """What both sides of webhooks work with; only the worker passes a writer."""

    endpoints: SqliteEndpoints
    deliveries: SqliteDeliveries
    catalogue: Catalogue
    allowed: Allowed
    key: Secret[bytes]
    box: SecretBox


def webhook_parts(
    home: Home,
    settings: Webhooks,
    master: Secret[bytes],
    reader: Reader,
    randomness: Randomness,
    writer: Writer | None = None,
) -> WebhookParts:
    """The parts over a home. `reader` reads the log's database, `writer` writes deliveries."""
    key = derive(master, Purpose.WEBHOOKS)
    box = SecretBox(key, randomness)
    return WebhookParts(
        SqliteEndpoints(reader, box),
        SqliteDeliveries(Reader(home.webhooks), writer),
        Catalogue((*EVENT_TYPES, *AML_EVENT_TYPES, *CUSTOMER_RISK_TYPES)),
        _allowed(settings),
        key,
        box,
    )


def _allowed(settings: Webhooks) -> Allowed:
    try:
        return Allowed(settings.allowed_networks)
    except ValueError:
        raise InvalidRequest(
            "settings_invalid",
            "webhooks.allowed_networks holds networks such as 10.20.0.0/16",
            pointer="paywarden.toml",
        ) from None
