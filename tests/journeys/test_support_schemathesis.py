"""Schemathesis hook: valid data must be taken, but for what a JSON Schema cannot say.

Replaces the built-in `positive_data_acceptance`, which knows statuses only and would have to let
every 422 pass. Here a 422 passes only under one of the codes below, each with its reason; any other
refusal of schema-valid data is a failure. No other check is changed or left out. The headers that
sign a request are not sent: whether a signature is valid is arithmetic, not form (tests/properties
and tests/attacks send broken ones).
"""

from __future__ import annotations

import schemathesis
from schemathesis.core.failures import Failure

BEYOND_SCHEMA = {
    "card_facts_incomplete": "token and facts come together, or other members do",
    "card_facts_refused": "whether a signature holds is no form",
    "card_facts_unverifiable": "a signature can be well formed and still not be verifiable",
    "card_number_not_accepted": "whether digits are a card number is arithmetic, not form",
    "customer_kind": "that exactly one of two members is there is a rule between them",
    "customers_batch": "that a customer stands twice is no form",
    "day_in_future": "whether a day has been depends on the clock",
    "field_invalid": "JSON Schema counts 27.0 among integers",
    "idempotency_key_reused": "depends on the body that came first with the key",
    "list_bad_expiry": "whether a time has passed depends on the clock",
    "iso20022_message_unknown": "what a message is, its XML Schema says, not JSON Schema",
    "index_outside_tree": "whether an index stands before a size is arithmetic, not form",
    "sizes_reversed": "which of two numbers is larger is arithmetic, not form",
    "size_not_signed": "how far the log is signed changes by the minute",
    "list_bad_text": "which characters can be printed is no form",
    "list_value_repeated": "that two entries mean the same value is no form",
    "list_bad_value": "depends on the kind that the list on the server holds",
    "subject_not_named": "identifiers that are all null name nobody",
    "subject_unreadable": "what can be read as an e-mail is no form",
    "value_unreadable": "the form of an entity's value depends on its kind",
    "webhook_event_unknown": "the types are listed by the server, at another address",
    "webhook_url_refused": "which addresses are public is no form",
    "ownership_name_taken": "that a party stands twice is no form",
    "ownership_over_100": "a sum is arithmetic, not form",
    "ownership_person_owned": "who owns whom is no form",
    "ownership_unknown_party": "which parties a holding may name depends on the others",
    "risk_model_invalid": "the language of models is no JSON Schema",
    "policy_invalid": "the language of policies is no JSON Schema",
}
TAKEN = frozenset({401, 403, 404, 409, 429})


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Leave the signature's parameters out of what is generated."""
    signing = {f"#/components/parameters/{name}" for name in raw_schema["components"]["parameters"]}
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            kept = [one for one in operation["parameters"] if one.get("$ref") not in signing]
            operation["parameters"] = kept


@schemathesis.check
def valid_data_is_taken(ctx, response, case):
    """A request that the document calls valid is done, or refused for a reason it cannot state."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    status = response.status_code
    if status < 400 or status in TAKEN:
        return
    if status == 400 and response.json().get("code") == "xml_malformed":
        return  # JSON Schema knows no XML: to it a message is any text
    code = response.json().get("code") if status == 422 else None
    if code not in BEYOND_SCHEMA:
        raise Failure(
            operation=case.operation.label,
            title="Schema-valid request refused",
            message=f"{status} {code}: {response.text[:500]}",
        )
