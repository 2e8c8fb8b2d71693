"""A form into facts: checked against closed sets, days made ages, the structure above a company.

Guards: a word that the catalogue does not know, a country that does not exist, a day in the future
or that is no day is refused with its place; what the form leaves out is absent from the facts.
Facts depend on the day they are asked for (ages, documents that run out), so an assessment is made
anew when it is due.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from paywarden.aml.customer_risk.facts import WORDS
from paywarden.aml.customer_risk.forms import (
    CompanyFacts,
    CustomerForm,
    Ownership,
    PersonFacts,
    Verification,
)
from paywarden.aml.customer_risk.ownership import Holding, Party, structure_of
from paywarden.core.errors import InvalidRequest
from paywarden.reference.countries import country

_YEAR: Final = 365.2425


def facts_of(form: CustomerForm, today: date) -> dict[str, Any]:
    """Facts that the form gives. Errors: InvalidRequest with its pointer."""
    if (form.person is None) == (form.company is None):
        raise InvalidRequest("customer_kind", "give exactly one of person and company")
    found: dict[str, Any] = {}
    if form.person is not None:
        found.update(_person(form.person, today))
    if form.company is not None:
        found.update(_company(form.company, today))
    since = _past(form.customer_since, today, "/customer_since")
    found["customer.relationship_days"] = since
    found["customer.reports_filed"] = form.reports_filed
    found["channel.onboarding"] = form.channel
    found["product.list"] = None if form.products is None else sorted(set(form.products))
    found["expected.monthly_minor"] = form.expected_monthly_minor
    found.update(_verification(form.verification, today))
    found.update(_screening(form, today))
    known = {path: value for path, value in found.items() if value is not None}
    _check_words(known)
    return known


def _person(given: PersonFacts, today: date) -> dict[str, Any]:
    born = _past(given.birth_date, today, "/person/birth_date")
    return {
        "customer.kind": "person",
        "customer.country": _country(given.country, "/person/country"),
        "customer.nationalities": _countries(given.nationalities, "/person/nationalities"),
        "customer.age_years": None if born is None else int(born / _YEAR),
        "customer.occupation": given.occupation,
        "customer.industry": given.industry,
        "customer.operations": _countries(given.operations, "/person/operations"),
        "customer.cash_intensive": given.cash_intensive,
    }


def _company(given: CompanyFacts, today: date) -> dict[str, Any]:
    found = {
        "customer.kind": "company",
        "customer.country": _country(given.country, "/company/country"),
        "customer.company_age_days": _past(given.founded_on, today, "/company/founded_on"),
        "customer.legal_form": given.legal_form,
        "customer.industry": given.industry,
        "customer.operations": _countries(given.operations, "/company/operations"),
        "customer.listed": given.listed,
        "customer.regulated": given.regulated,
        "customer.cash_intensive": given.cash_intensive,
    }
    if given.ownership is not None:
        found.update(_ownership(given.ownership))
    return found


def _ownership(given: Ownership) -> dict[str, Any]:
    for number, one in enumerate(given.parties):
        _country(one.country, f"/company/ownership/parties/{number}/country")
    structure = structure_of(
        [Party(one.id, one.kind, one.country, one.nominee) for one in given.parties],
        [Holding(one.owner, one.owned, one.percent, one.control) for one in given.holdings],
    )
    return {
        "ownership.beneficial_owners": len(structure.beneficial),
        "ownership.layers": structure.layers,
        "ownership.unresolved_percent": structure.unresolved_percent,
        "ownership.cyclic": bool(structure.circles),
        "ownership.nominee": structure.nominee,
        "ownership.bearer_shares": given.bearer_shares,
        "ownership.trust": structure.trust,
        "ownership.countries": list(structure.countries),
    }


def _verification(given: Verification | None, today: date) -> dict[str, Any]:
    if given is None:
        return {}
    found: dict[str, Any] = {
        "verification.level": given.level,
        "verification.source_of_funds": given.source_of_funds,
        "verification.source_of_wealth": given.source_of_wealth,
    }
    if given.documents is not None:
        places = [f"/verification/documents/{n}" for n in range(len(given.documents))]
        ends = [one.expires_on for one in given.documents]
        for one, place in zip(given.documents, places, strict=True):
            _country(one.country, f"{place}/country")
        checked = [end for one, end in zip(given.documents, ends, strict=True) if one.checked]
        found["verification.documents"] = len(checked)
        found["verification.expired_documents"] = sum(
            end is not None and end < today for end in checked
        )
    return found


def _screening(form: CustomerForm, today: date) -> dict[str, Any]:
    given = form.screening
    if given is None:
        return {}
    company = form.company is not None
    return {
        "screening.sanctions": given.sanctions,
        "screening.owner_sanctions": given.owner_sanctions if company else None,
        "screening.pep": given.pep,
        "screening.adverse_media": given.adverse_media,
        "screening.age_days": _past(given.at, today, "/screening/at"),
    }


def _check_words(known: dict[str, Any]) -> None:
    for path, words in WORDS.items():
        value = known.get(path)
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            if one not in words:
                detail = f"`{path}` is one of {', '.join(words)}"
                raise InvalidRequest("fact_word_unknown", detail, pointer=_pointer(path))


def _pointer(path: str) -> str:
    return {
        "channel.onboarding": "/channel",
        "product.list": "/products",
    }.get(path, "/" + path.rpartition(".")[2])


def _country(code: str | None, pointer: str) -> str | None:
    if code is not None and country(code) is None:
        raise InvalidRequest("country_unknown", "this is no ISO 3166-1 code", pointer=pointer)
    return code


def _countries(codes: list[str] | None, pointer: str) -> list[str] | None:
    if codes is None:
        return None
    for number, code in enumerate(codes):
        _country(code, f"{pointer}/{number}")
    return sorted(set(codes))


def _past(day: date | None, today: date, pointer: str) -> int | None:
    """Whole days since a day, which may not lie ahead (a day of grace for time zones)."""
    if day is None:
        return None
    days = (today - day).days
    if days < -1:
        raise InvalidRequest("day_in_future", "this day is still to come", pointer=pointer)
    return max(days, 0)
