"""Putting a card into the named fields of a body, and nowhere else.

Guards: a named field must stand in the body already and hold the token, null or empty text: what a
caller wrote otherwise is not overwritten. A field that is not named keeps whatever it holds, the
token included. Only fields that the destination lists for this part of a card are filled. The rest
of a JSON text keeps its octets. Templates: `number`, `cvv`, `expiry:<form>` with one of `FORMS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote_plus

from paywarden.cde.egress.opening import CardInUse
from paywarden.cde.egress.pointers import Span, Steps, parsed, span_of
from paywarden.cde_client.card_acts import Destination
from paywarden.core.errors import InvalidRequest, NotPermitted

FORMS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "MM/YY": lambda year, month: f"{month}/{year[2:]}",
    "MM/YYYY": lambda year, month: f"{month}/{year}",
    "MMYY": lambda year, month: month + year[2:],
    "YYMM": lambda year, month: year[2:] + month,
    "YYYY-MM": lambda year, month: f"{year}-{month}",
    "YYYYMM": lambda year, month: year + month,
    "MM": lambda _year, month: month,
    "YY": lambda year, _month: year[2:],
    "YYYY": lambda year, _month: year,
}
Fields = Mapping[str, str]


def check_fields(fields: Fields, destination: Destination) -> None:
    """Errors: InvalidRequest `card_field_unknown`, NotPermitted `card_field_forbidden`."""
    if not fields:
        raise InvalidRequest("card_field_unknown", "name a field", pointer="/card/fields")
    for place, template in fields.items():
        source, _, form = template.partition(":")
        known = form in FORMS if source == "expiry" else source in ("number", "cvv") and not form
        if not known or (":" in template) != (source == "expiry"):
            raise InvalidRequest(
                "card_field_unknown", "a field takes number, cvv or expiry:<form>",
                pointer="/card/fields",
            )  # fmt: skip
        if destination.fields.get(place) != source:
            raise NotPermitted(
                "card_field_forbidden", "this destination does not take that in this field"
            )


def wants_cvv(fields: Fields) -> bool:
    """Whether a code is asked for."""
    return "cvv" in fields.values()


def json_places(body: bytes, fields: Fields, token: str) -> list[tuple[int, int, str]]:
    """(start, end, template) of each named field in the text, in order.

    Errors: InvalidRequest `card_field_absent` for one that is not there, `card_field_taken`.
    """
    places = []
    for pointer, template in fields.items():
        span, held = _found(body, parsed(pointer))
        if span is None:
            raise _absent()
        if held not in (token, None, ""):
            raise _taken()
        places.append((*span, template))
    return sorted(places)


def fill_json(body: bytes, places: list[tuple[int, int, str]], card: CardInUse) -> bytearray:
    """The body with the card in its places; the caller wipes it."""
    text, made, at = body.decode(), bytearray(), 0
    for start, end, template in places:
        made += text[at:start].encode() + b'"' + value_of(template, card) + b'"'
        at = end
    made += text[at:].encode()
    return made


def check_form(form: Mapping[str, str], fields: Fields, token: str) -> None:
    """The same checks for form fields. Errors: as `json_places`."""
    for name in fields:
        if name not in form:
            raise _absent()
        if form[name] not in (token, ""):
            raise _taken()


def fill_form(form: Mapping[str, str], fields: Fields, card: CardInUse) -> bytearray:
    """`application/x-www-form-urlencoded` octets; the caller wipes them."""
    made = bytearray()
    for name, text in form.items():
        made += (b"&" if made else b"") + quote_plus(name).encode() + b"="
        if name in fields:
            made += value_of(fields[name], card).replace(b"/", b"%2F")
        else:
            made += quote_plus(text).encode()
    return made


def value_of(template: str, card: CardInUse) -> bytes:
    """What a template stands for. Errors: InvalidRequest `cvv_gone` when no code is kept."""
    source, _, form = template.partition(":")
    if source == "number":
        return card.pan.expose()
    if source == "expiry":
        year, _, month = card.expiry.partition("-")
        return FORMS[form](year, month).encode()
    if card.cvv is None:
        raise InvalidRequest(
            "cvv_gone", "no code is kept for this token: it was used, or its time is over"
        )
    return card.cvv.expose()


def _found(body: bytes, steps: Steps | None) -> tuple[Span | None, object]:
    """Where the value stands in the text, and what it is."""
    try:
        text = body.decode()
        span = span_of(text, steps) if steps else None
        return span, json.loads(text[slice(*span)]) if span else None
    except (ValueError, IndexError, RecursionError):
        raise InvalidRequest(
            "card_body_malformed", "the body to forward is no JSON in UTF-8", pointer="/body"
        ) from None


def _absent() -> InvalidRequest:
    return InvalidRequest(
        "card_field_absent", "a named field does not stand in the body", pointer="/card/fields"
    )


def _taken() -> InvalidRequest:
    return InvalidRequest(
        "card_field_taken", "a named field holds neither the token nor null", pointer="/card/fields"
    )
