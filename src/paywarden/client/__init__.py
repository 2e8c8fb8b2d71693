"""The public Python client: `from paywarden.client import Client, AsyncClient` (API.md section 6).

The only package of the house that re-exports: these names are the contract with programs outside,
and the modules behind them may move without breaking anybody. It imports nothing but `core`.
"""

from paywarden.client.answers import (
    Approval,
    BatchItem,
    Decision,
    DecisionRecord,
    EventResult,
    Executed,
    ListEdited,
    ListSummary,
    Published,
    Reason,
    RequiredAction,
    Ruleset,
)
from paywarden.client.asynchronous import AsyncClient
from paywarden.client.errors import ClientError, NotReached, ReceiptRefused, Refused, Unserved
from paywarden.client.payment import Payment
from paywarden.client.receipts import LogKeys, Promise, Receipt
from paywarden.client.retrying import RetryPolicy
from paywarden.client.signing import ServerKey, SigningKey
from paywarden.client.synchronous import Client

__all__ = [
    "Approval",
    "AsyncClient",
    "BatchItem",
    "Client",
    "ClientError",
    "Decision",
    "DecisionRecord",
    "EventResult",
    "Executed",
    "ListEdited",
    "ListSummary",
    "LogKeys",
    "NotReached",
    "Payment",
    "Promise",
    "Published",
    "Reason",
    "Receipt",
    "ReceiptRefused",
    "Refused",
    "RequiredAction",
    "RetryPolicy",
    "Ruleset",
    "ServerKey",
    "SigningKey",
    "Unserved",
]
