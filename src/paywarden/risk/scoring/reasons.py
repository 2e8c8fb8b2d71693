"""Reasons of a score, for readers: which kinds of facts raised it, strongest first.

Guards: attributions come from the walk through the trees (`forest.py`) and add up to the score less
its base; inputs of one reason are added before they are ranked, and only what raised the score is
shown. Texts are for the analyst; what a merchant or a payer may read is decided by
`paywarden.fraud.reasons`. Path attributions are not Shapley values: they follow each tree's own
order of questions. Exact ones, milliseconds a row, come later with a case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

TOP = 3

TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "UNUSUAL_AMOUNT": "The amount is unusual for this payer, card or merchant",
        "UNUSUAL_TIME": "The time of the payment is unusual",
        "UNUSUAL_PLACE": "Countries of card, address, network or merchant do not fit together",
        "KIND_OF_PAYMENT": "Payments of this kind are attacked more often",
        "KIND_OF_MERCHANT": "Merchants of this kind are attacked more often",
        "KIND_OF_CARD": "Cards of this kind are attacked more often",
        "NEW_ACCOUNT": "The account is new",
        "NEW_PAYEE": "The recipient is new",
        "NEW_OR_RESTING": "A card, device, address or merchant is new or had rested for long",
        "NEW_COMBINATION": "This payer was not seen with this device, merchant or recipient",
        "MANY_PAYMENTS": "Many payments in a short time",
        "MANY_MERCHANTS": "Many merchants in a short time",
        "MANY_CARDS": "Many cards or payers share one device, address or merchant",
        "MANY_DEVICES": "Many devices in a short time",
        "REFUSED_BEFORE": "Earlier attempts were refused",
        "CARD_CHECKS_FAILED": "Checks of the card did not succeed",
        "AUTOMATED_TRAFFIC": "The network is one of machines or hides its user",
        "THROW_AWAY_CONTACT": "The e-mail address is of a kind that is easily thrown away",
        "ACCOUNT_CHANGED": "The account was changed shortly before",
        "REFUND_PATTERN": "Refunds are more frequent than usual",
        "LINKED_TO_FRAUD": "Card, merchant, device or address is linked to reported fraud",
        "ANOMALY": "The payment is unlike most payments",
    }
)
OTHER_TEXT = "Facts that the model weighs"


@dataclass(frozen=True, slots=True)
class Reason:
    """`weight`: how far it raised the log odds. `inputs`: names, the strongest first."""

    code: str
    weight: float
    inputs: tuple[str, ...]

    @property
    def text(self) -> str:
        """For the analyst."""
        return TEXTS.get(self.code, OTHER_TEXT)


def top_reasons(
    attribution: npt.NDArray[np.float64],
    names: Sequence[str],
    codes: Sequence[str],
    most: int = TOP,
) -> tuple[Reason, ...]:
    """Reasons of one score. `attribution` [k]; `codes`: reason code of each input."""
    weights: dict[str, float] = {}
    members: dict[str, list[int]] = {}
    for place in np.flatnonzero(attribution).tolist():
        weights[codes[place]] = weights.get(codes[place], 0.0) + float(attribution[place])
        members.setdefault(codes[place], []).append(place)
    ranked = sorted((code for code in weights if weights[code] > 0), key=lambda c: (-weights[c], c))
    return tuple(
        Reason(code, weights[code], _strongest(members[code], attribution, names))
        for code in ranked[:most]
    )


def _strongest(
    places: Sequence[int], attribution: npt.NDArray[np.float64], names: Sequence[str]
) -> tuple[str, ...]:
    rising = [place for place in places if attribution[place] > 0]
    rising.sort(key=lambda place: (-attribution[place], place))
    return tuple(names[place] for place in rising[:TOP])
