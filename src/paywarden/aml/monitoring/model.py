"""A typology as its file says it; the values lie in `risk.rules`, beside the rest of a policy.

A policy holds typologies of the payment path and names itself by their content too, and nothing in
`risk` sees `aml`: therefore they are defined there and named here.
"""

from __future__ import annotations

from paywarden.risk.rules.typology_model import (
    ENTITY_WORDS,
    OPERATORS,
    Combined,
    Expression,
    FlowFeature,
    Operator,
    Runs,
    Term,
    Typology,
    TypologyExample,
)

__all__ = [
    "ENTITY_WORDS",
    "OPERATORS",
    "Combined",
    "Expression",
    "FlowFeature",
    "Operator",
    "Runs",
    "Term",
    "Typology",
    "TypologyExample",
]
