"""Scenarios of fraud: the words that policies use, with what they mean.

Guards: a word never changes its meaning: decisions of years ago carry it. A policy may declare
scenarios of its own in policy.yaml; these are the known ones that the console explains and that the
rule library uses. AML's typologies are not here (`paywarden.aml`).

>>> scenario_text("card_testing")
'Stolen card numbers are tried out with small or failing payments'
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from paywarden.risk.rules.model import Policy

SCENARIOS: Mapping[str, str] = MappingProxyType(
    {
        "card_testing": "Stolen card numbers are tried out with small or failing payments",
        "bin_enumeration": "Card numbers of one issuer range are guessed by machine",
        "stolen_card": "A genuine card or its number is used by somebody else",
        "unusual_amount": "The amount is far from what this payer or this merchant is used to",
        "velocity": "Payments follow each other faster than people pay",
        "account_takeover": "Somebody else controls the customer's account",
        "payout_fraud": "Money leaves an account towards a fraudster or a mule",
        "bot_traffic": "Programs, not people, make payments",
        "compromised_terminal": "Cards are copied or misused at one merchant or terminal",
        "known_fraud": "Card, device or person took part in fraud that was reported",
        "refund_abuse": "Refunds are used to take money",
        "push_scam": "The customer pays a fraudster himself, talked into it",
        "mule_account": "Stolen money passes through an account",
        "synthetic_identity": "A customer who does not exist",
        "first_party_fraud": "The customer disputes what he bought himself",
        "promo_abuse": "One person takes an offer for new customers many times",
        "device_farm": "Many accounts are run from few devices, cards or addresses",
        "merchant_collusion": "A merchant takes payments for goods that it does not sell",
        "merchant_ratios": "A merchant comes near the card schemes' limits",
        "gift_cards": "Stolen money is turned into goods that are as good as money",
        "cross_border": "Card, buyer and goods are in countries that do not fit",
        "new_account": "A new account behaves as new customers do not",
        "triangulation": "Honest orders are filled with stolen cards",
        "subscription_abuse": "Trials and agreements are used against their purpose",
        "trusted": "Payers whom the operator trusts",
    }
)


def scenario_text(word: str, policy: Policy | None = None) -> str:
    """What a scenario means: the policy's own text, else the known one, else the word itself."""
    own = policy.scenarios.get(word) if policy else None
    return own.text if own else SCENARIOS.get(word, word.replace("_", " "))
