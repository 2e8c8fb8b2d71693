"""Every problem code of customer risk with its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "country_unknown": "Use an ISO 3166-1 alpha-2 code in capitals.",
    "customer_kind": "Send either `person` or `company`, not both.",
    "customer_unknown": "Send the customer's facts first, with PUT /v1/aml/customers/{customer}.",
    "customers_batch": "Send at most 200 customers at once, each of them once.",
    "day_in_future": "Send a day that has been.",
    "diligence_item_unknown": "Use an item of the model in force; see the answer of a customer.",
    "diligence_note_missing": "Write in `note` what was found and where it is kept.",
    "exposure_terms_absent": "Put a model in force that has the section `exposure`.",
    "fact_word_unknown": "Use one of the words in the detail.",
    "override_below_floor": "Settle the factors in the detail; an override cannot go below them.",
    "override_lowers": "Ask for it as an override that lowers; another person approves it.",
    "override_unknown": "No override stands; there is nothing to end.",
    "ownership_name_taken": "Name each party and each pair of owner and owned once.",
    "ownership_over_100": "Correct the holdings in one party; together they are over 100 %.",
    "ownership_person_owned": "A person cannot be owned; correct the party's kind.",
    "ownership_too_large": "Leave out parties that lead to nobody; the limits are in the detail.",
    "ownership_unknown_party": "List every party that a holding names, or use `self`.",
    "risk_model_invalid": "Correct the model at the place in `pointer`; `paywarden aml "
    "risk-model check` shows every fault.",
    "risk_model_too_large": "Shorten the model.",
    "risk_model_unknown": "Store the model first, or list those that are kept.",
}
