"""The facts that a model may read: every name with type, customers whom it speaks of, and text.

Guards: one table from which the checker of models, the flattening of forms and the reference page
are derived, so that they cannot disagree. A fact that is not known is absent and never a false, a
zero or an empty text. Values from closed sets stand in WORDS. Source of the selection: FATF R.10
and its interpretive note, paragraphs 15 to 21; EBA/GL/2021/02 title I, 2.3 to 2.21; EU 2024/1624
annexes II and III; Wolfsberg FAQs on risk assessments (2015), section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from paywarden.risk.rules.cel.types import BOOL, DOUBLE, INT, STRING, CelType, list_of

_TEXTS = list_of(STRING)

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "customer.kind": ("person", "company"),
    "customer.legal_form": (
        "sole_trader", "partnership", "limited", "public", "trust", "foundation", "association",
        "nonprofit", "fund", "public_body", "other",
    ),
    "customer.occupation": (
        "employed", "self_employed", "student", "pensioner", "unemployed", "public_official",
        "executive", "dealer_high_value", "lawyer_notary", "accountant", "real_estate",
        "crypto_trader", "gambling_operator", "money_changer", "arms_dealer", "diplomat",
        "military", "artist_athlete", "farmer", "other",
    ),
    "customer.industry": (
        "retail", "wholesale", "manufacturing", "construction", "agriculture", "transport",
        "hospitality", "software", "professional_services", "health", "education", "energy",
        "finance", "insurance", "real_estate", "money_service", "crypto", "gambling", "adult",
        "arms", "precious_goods", "art_antiques", "used_vehicles", "scrap_metal", "oil_gas",
        "mining", "pharmacy", "charity", "travel", "telecom", "trust_company_services",
        "cash_intensive_retail", "public_sector", "other",
    ),
    "verification.level": ("none", "simplified", "standard", "enhanced"),
    "verification.source_of_funds": ("verified", "declared", "unknown"),
    "verification.source_of_wealth": ("verified", "declared", "unknown"),
    "channel.onboarding": (
        "face_to_face", "electronic_identity", "video", "documents_by_upload", "introduced",
    ),
    "product.list": (
        "card_acquiring", "account", "savings", "transfers", "cross_border", "cash", "prepaid",
        "crypto", "trade_finance", "correspondent", "private_banking", "lending", "payouts",
        "money_remittance", "nested_accounts", "marketplace", "anonymous_value",
    ),
    "screening.sanctions": ("clear", "possible", "confirmed"),
    "screening.owner_sanctions": ("clear", "possible", "confirmed"),
    "screening.pep": ("none", "former", "associate", "family", "domestic", "international",
                      "foreign"),
    "screening.adverse_media": ("none", "minor", "serious"),
}  # fmt: skip
"""Closed sets of words by fact."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; `kinds`: customers who have it."""

    path: str
    type: CelType
    text: str
    kinds: tuple[str, ...] = ("person", "company")


_PERSON, _COMPANY = ("person",), ("company",)

FACTS: Final[Mapping[str, Fact]] = {
    one.path: one
    for one in (
        Fact("customer.kind", STRING, "person or company"),
        Fact("customer.country", STRING, "Country of residence or registration"),
        Fact("customer.nationalities", _TEXTS, "Nationalities", _PERSON),
        Fact("customer.age_years", INT, "Whole years since birth", _PERSON),
        Fact("customer.occupation", STRING, "What the person does", _PERSON),
        Fact("customer.industry", STRING, "Trade of the company, or of a person's own business"),
        Fact("customer.company_age_days", INT, "Days since the company was founded", _COMPANY),
        Fact("customer.legal_form", STRING, "Legal form", _COMPANY),
        Fact("customer.operations", _TEXTS, "Countries in which business is done"),
        Fact("customer.listed", BOOL, "Listed on a regulated market", _COMPANY),
        Fact("customer.regulated", BOOL, "Supervised for money laundering itself", _COMPANY),
        Fact("customer.cash_intensive", BOOL, "Takes much cash"),
        Fact("customer.relationship_days", INT, "Days since the business relationship began"),
        Fact("customer.reports_filed", INT, "Reports filed about the customer in 24 months"),
        Fact("verification.level", STRING, "How well identity is proved"),
        Fact("verification.documents", INT, "Identity or register documents that were checked"),
        Fact("verification.expired_documents", INT, "Those of them that have run out"),
        Fact("verification.source_of_funds", STRING, "What is known of the money's origin"),
        Fact("verification.source_of_wealth", STRING, "What is known of the wealth's origin"),
        Fact("ownership.beneficial_owners", INT, "People who own or control 25 % or more",
             _COMPANY),
        Fact("ownership.layers", INT, "Links of the longest chain from company to a person",
             _COMPANY),
        Fact("ownership.unresolved_percent", DOUBLE, "Share behind which no person is known",
             _COMPANY),
        Fact("ownership.cyclic", BOOL, "Companies that own each other in a circle", _COMPANY),
        Fact("ownership.nominee", BOOL, "Somebody holds for another", _COMPANY),
        Fact("ownership.bearer_shares", BOOL, "Shares belong to whoever holds the paper",
             _COMPANY),
        Fact("ownership.trust", BOOL, "A trust or foundation stands in the chain", _COMPANY),
        Fact("ownership.countries", _TEXTS, "Countries of owners and of companies between",
             _COMPANY),
        Fact("product.list", _TEXTS, "Products that the customer uses"),
        Fact("expected.monthly_minor", INT, "Turnover a month that was declared, base currency"),
        Fact("channel.onboarding", STRING, "How the customer was met and identified"),
        Fact("screening.sanctions", STRING, "Result against lists of sanctions"),
        Fact("screening.owner_sanctions", STRING, "The same of owners and managers", _COMPANY),
        Fact("screening.pep", STRING, "Politically exposed person, and of which kind"),
        Fact("screening.adverse_media", STRING, "What is written about the customer"),
        Fact("screening.age_days", INT, "Days since the last screening"),
        Fact("behaviour.alerts_90d", INT, "Alerts of monitoring in 90 days"),
        Fact("behaviour.typology_score_90d", INT, "Highest score of a typology in 90 days"),
        Fact("behaviour.volume_30d_minor", INT, "Volume of 30 days, from the policy's windows"),
        Fact("behaviour.volume_percent", INT, "That volume as percent of the declared turnover"),
        Fact("behaviour.payments_30d", INT, "Payments of 30 days, from the policy's windows"),
        Fact("behaviour.chargebacks_30d", INT, "Chargebacks of 30 days, from the same"),
        Fact("behaviour.chargeback_percent", DOUBLE, "Chargebacks as percent of the payments"),
    )
}  # fmt: skip
"""Facts by path, in documented order."""
COUNTED: Final = (
    "behaviour.volume_30d_minor", "behaviour.payments_30d", "behaviour.chargebacks_30d",
)  # fmt: skip
"""Facts that come from windows of the policy; a model names the windows."""


def types() -> dict[str, CelType]:
    """Types of all facts, for the checker."""
    return {path: one.type for path, one in FACTS.items()}


def markdown() -> str:
    """The table of `docs/reference/customer-risk-model.md`."""
    lines = ["| fact | type | of | what | words |", "|---|---|---|---|---|"]
    for one in FACTS.values():
        words = ", ".join(WORDS.get(one.path, ()))
        lines.append(
            f"| `{one.path}` | {one.type} | {', '.join(one.kinds)} | {one.text} | {words} |"
        )
    return "\n".join(lines) + "\n"
