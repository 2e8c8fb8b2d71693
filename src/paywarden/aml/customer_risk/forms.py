"""What is sent about a customer: a person's or a company's form, typed and bounded.

Guards: names of fields and words are closed sets, texts and lists have limits, countries are codes
that exist, days are days; a form that holds anything else is refused with its place. Fields that
are not known are left out and stay unknown. Personal: everything in a form.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from paywarden.aml.customer_risk.facts import WORDS
from paywarden.aml.customer_risk.ownership import HOLDINGS, PARTIES
from paywarden.reference.countries import countries

Word = Annotated[str, Meta(min_length=1, max_length=40, pattern="^[a-z][a-z0-9_]*$")]
Channel = Annotated[Word, Meta(extra_json_schema={"enum": [*WORDS["channel.onboarding"]]})]
Product = Annotated[Word, Meta(extra_json_schema={"enum": [*WORDS["product.list"]]})]
Occupation = Annotated[Word, Meta(extra_json_schema={"enum": [*WORDS["customer.occupation"]]})]
Industry = Annotated[Word, Meta(extra_json_schema={"enum": [*WORDS["customer.industry"]]})]
LegalForm = Annotated[Word, Meta(extra_json_schema={"enum": [*WORDS["customer.legal_form"]]})]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9._:-]+$")]
Country = Annotated[
    str,
    Meta(
        pattern="^[A-Z]{2}$",
        max_length=2,
        description="ISO 3166-1 alpha-2",
        extra_json_schema={"enum": sorted(countries())},
    ),
]
Day = date
Countries = Annotated[list[Country], Meta(max_length=100)]
Minor = Annotated[int, Meta(ge=0, le=10**15)]
CUSTOMER_PATTERN = r"^[^\x00-\x1f\x7f/]{1,128}$"
"""What payments may name somebody by, but for a slash, which cannot stand in a path."""


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """No unknown fields; what is not known is left out."""


class IdentityDocument(_Form, frozen=True):
    """A document of identity or a register's extract that was looked at."""

    kind: Word
    checked: bool
    number: Text | None = None
    country: Country | None = None
    expires_on: Day | None = None


class Verification(_Form, frozen=True):
    """How identity is proved, and what is known of the money."""

    level: Literal["none", "simplified", "standard", "enhanced"] | None = None
    documents: Annotated[list[IdentityDocument], Meta(max_length=20)] | None = None
    source_of_funds: Literal["verified", "declared", "unknown"] | None = None
    source_of_wealth: Literal["verified", "declared", "unknown"] | None = None


Sanctions = Literal["clear", "possible", "confirmed"]


class Screened(_Form, frozen=True):
    """Results of screening; `at`: the day of the last one."""

    sanctions: Sanctions | None = None
    owner_sanctions: Sanctions | None = None
    pep: (
        Literal["none", "former", "associate", "family", "domestic", "international", "foreign"]
        | None
    ) = None
    adverse_media: Literal["none", "minor", "serious"] | None = None
    at: Day | None = None


class OwnerParty(_Form, frozen=True):
    """Somebody above a company; `public`: a state, or a company on a regulated market."""

    id: Id
    kind: Literal["person", "company", "trust", "public", "unknown"]
    name: Text | None = None
    country: Country | None = None
    birth_date: Day | None = None
    nominee: bool = False


class OwnerHolding(_Form, frozen=True):
    """`owner` holds `percent` of `owned` (a party, or `self`), or controls it otherwise."""

    owner: Id
    owned: Id
    percent: Annotated[float, Meta(ge=0, le=100)] = 0.0
    control: bool = False


class Ownership(_Form, frozen=True):
    """The structure above a company; circles are allowed and found."""

    parties: Annotated[list[OwnerParty], Meta(max_length=PARTIES)]
    holdings: Annotated[list[OwnerHolding], Meta(max_length=HOLDINGS)]
    bearer_shares: bool | None = None


class PersonFacts(_Form, frozen=True):
    """A natural person."""

    name: Text
    birth_date: Day | None = None
    country: Country | None = None
    nationalities: Annotated[list[Country], Meta(max_length=10)] | None = None
    occupation: Occupation | None = None
    industry: Industry | None = None
    operations: Countries | None = None
    cash_intensive: bool | None = None
    address: Text | None = None


class CompanyFacts(_Form, frozen=True):
    """A company, trust or other body."""

    name: Text
    registration_number: Text | None = None
    country: Country | None = None
    founded_on: Day | None = None
    legal_form: LegalForm | None = None
    industry: Industry | None = None
    operations: Countries | None = None
    listed: bool | None = None
    regulated: bool | None = None
    cash_intensive: bool | None = None
    address: Text | None = None
    ownership: Ownership | None = None


class CustomerForm(_Form, frozen=True):
    """Body of PUT /v1/aml/customers/{customer}: exactly one of `person` and `company`."""

    person: PersonFacts | None = None
    company: CompanyFacts | None = None
    customer_since: Day | None = None
    channel: Channel | None = None
    products: Annotated[list[Product], Meta(max_length=20)] | None = None
    expected_monthly_minor: Minor | None = None
    reports_filed: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    verification: Verification | None = None
    screening: Screened | None = None
