"""What is sent about customers beside their facts: acts, queries, texts of models."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from paywarden.aml.customer_risk.forms import CUSTOMER_PATTERN, CustomerForm, Screened

LevelWord = Literal["low", "medium", "high", "prohibited"]
Note = Annotated[str, Meta(min_length=1, max_length=1_000)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]
Ref = Annotated[str, Meta(pattern="^([0-9a-f]{16})?$", max_length=16)]


class CustomerSent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer of a batch."""

    customer: Annotated[str, Meta(pattern=CUSTOMER_PATTERN, max_length=128)]
    form: CustomerForm


class CustomersRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/aml/customers: up to 200, all or none."""

    customers: Annotated[list[CustomerSent], Meta(min_length=1, max_length=200)]


class CustomerScreening(Screened, frozen=True):
    """Body of a screening's results; what is left out stays as it was."""


class CustomerOverrideRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of an override; one that lowers takes an approval."""

    level: LevelWord
    days: Annotated[int, Meta(ge=1, le=366)]
    reason: Reason


class CustomerReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class CustomerReviewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a review that was done."""

    note: Note


class CustomerDiligenceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of an item of diligence."""

    item: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,62}$", max_length=63)]
    state: Literal["open", "done", "not_needed"]
    note: Annotated[str, Meta(max_length=1_000)] = ""


class CustomersQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/aml/customers."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    after: Ref = ""
    level: LevelWord | None = None
    waiting: Literal["review", "diligence", "override"] | None = None


class AssessmentsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of a customer's history."""

    limit: Annotated[int, Meta(ge=1, le=50)] = 20
    before: Annotated[int, Meta(ge=1, le=2**31)] = 2**31


class RiskModelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/aml/risk-models: the text of a model."""

    text: Annotated[str, Meta(min_length=1, max_length=200_000)]


class MerchantExposureQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of a merchant's exposure; without `mcc` the delay is that of `other`."""

    mcc: Annotated[str, Meta(pattern="^([0-9]{4})?$", max_length=4)] = ""
