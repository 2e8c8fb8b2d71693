"""Hosted card fields over HTTP: sessions for servers, the page for browsers, the card for itself.

`POST /v1/field-sessions` (a key), `GET /fields/{session}`, `POST /fields/{session}/card` (the page
itself, proved by `kit.http.same_origin`), and the files of `served`.

Order of a card: own page, open session, limits by session, address and merchant, form of the card,
session claimed, limits on different cards, vault. Guards: the answer to the page is the token and
what may be known of the card. A card that is refused leaves the session open until its tries are
used up; a token ends it. Not done here: which addresses may come (`kit.http.limits`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from paywarden.cde.callers import TOKENISE, merchant_of
from paywarden.cde.edge.messages import CardBody, Form, Merchant, Token
from paywarden.cde.edge.tokenising import For, Tokenising
from paywarden.cde.edge.tries import OF_ADDRESS, OF_MERCHANT_FIELDS, OF_SESSION, Allowance
from paywarden.cde.fields import served
from paywarden.cde.fields.origins import CHARACTERS, origin_of
from paywarden.cde.fields.sessions import FieldSession, FieldSessions
from paywarden.core.errors import NotFound
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Environment
from paywarden.kit.http.limits.addresses import is_local
from paywarden.kit.http.operation import Answer, Call, Handler, Operation

TAG: Final = "fields"
BODY_LIMIT: Final = 2_048
SESSION_PATTERN: Final = r"^[A-Za-z0-9_-]{43}$"
_TEXTS: Final = {"session": "Id of a session, as its making answered"}
_PATTERNS: Final = {"session": SESSION_PATTERN}
OriginText = Annotated[str, Meta(min_length=1, max_length=CHARACTERS)]


class SessionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the fields will stand: `origin` embeds them and hears the token.

    `ancestors`: further origins, when the page that embeds them is itself in a frame. `button`:
    whether the fields have a button of their own; without it the loader's `submit()` sends.
    """

    origin: OriginText
    form: Form = "multi_use"
    merchant: Merchant | None = None
    ancestors: Annotated[list[OriginText], Meta(max_length=4)] = []
    button: bool = True


class Session(msgspec.Struct, frozen=True):
    """A session: its page's address (a secret of the paying customer), and the loader."""

    session: str
    url: str
    expires_at: str
    loader: str
    loader_integrity: str


class SessionCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page sends."""

    card: CardBody

    def __repr__(self) -> str:
        return "<SessionCard>"


@dataclass(frozen=True, slots=True)
class Place:
    """The public origin of the edge, as browsers see it."""

    origin: str


class FieldOperations:
    """The operations of hosted fields."""

    def __init__(self, sessions: FieldSessions, tokenising: Tokenising, place: Place) -> None:
        self._sessions, self._tokenising, self._place = sessions, tokenising, place

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        page_says = {name.title(): "See docs" for name, _ in served.page_headers("", ())}
        return [
            Operation(
                "POST", "/v1/field-sessions", "make_field_session",
                "Open hosted card fields for one card", self.make, Session, body=SessionRequest,
                permission=TOKENISE, status=201, tag=TAG, body_limit=BODY_LIMIT, idempotent=False,
            ),
            Operation(
                "GET", "/fields/{session}", "field_page", "The page of the card fields", self.page,
                bytes, public=True, tag=TAG, answer_content_type=served.HTML, path_texts=_TEXTS,
                path_patterns=_PATTERNS, answer_headers=page_says,
            ),
            Operation(
                "POST", "/fields/{session}/card", "field_card", "The page sends its card",
                self.card, Token, body=SessionCard, public=True, from_browser=True, status=201,
                tag=TAG, body_limit=BODY_LIMIT, path_texts=_TEXTS, path_patterns=_PATTERNS,
            ),
            *(self._file(one) for one in served.files()),
        ]  # fmt: skip

    async def make(self, call: Call) -> Answer:
        """POST /v1/field-sessions."""
        asker, body = call.asker, call.body
        test = asker.scope.environment is Environment.TEST
        origin = origin_of(body.origin, test=test)
        ancestors = tuple(origin_of(one, test=test) for one in body.ancestors)
        merchant = merchant_of(asker, body.merchant)
        text, made = self._sessions.make(
            asker.scope, merchant, asker.key_id, origin, ancestors, body.form, button=body.button
        )
        loader = served.file("paywarden-fields.js")
        return Answer(
            Session(
                text, f"{self._place.origin}/fields/{text}", format_rfc3339(made.expires_at_us),
                self._place.origin + loader.path, loader.integrity,
            ),
            201,
        )  # fmt: skip

    async def page(self, call: Call) -> Answer:
        """GET /fields/{session}; a page that says so, framed by nobody, when it has ended."""
        origin = self._place.origin
        try:
            session = self._sessions.find(call.path["session"])
        except NotFound:
            return Answer(served.GONE, 404, served.page_headers(origin, ()), served.HTML)
        allowed = (session.origin, *session.ancestors)
        octets = served.page(origin, session.origin, button=session.button)
        return Answer(octets, 200, served.page_headers(origin, allowed), served.HTML)

    async def card(self, call: Call) -> Answer:
        """POST /fields/{session}/card."""
        with self._sessions.spending(call.path["session"]) as session:
            # The key that opened it answers for its cards: many sessions are no way around caps.
            whom = For(session.scope.text, session.merchant, session.key_id)
            subjects = _subjects(session, call.sender)
            return Answer(
                await self._tokenising.make(whom, call.body.card, session.form, subjects), 201
            )

    def _file(self, one: served.Served) -> Operation:
        headers = served.file_headers(self._place.origin, one.name)
        return Operation(
            "GET", one.path, "fields_" + one.name.replace(".", "_").replace("-", "_"), one.why,
            _giver(one, headers), bytes, public=True, tag=TAG,
            answer_content_type=one.content_type,
            answer_headers={name.title(): f"`{value}`" for name, value in headers},
        )  # fmt: skip


def _subjects(session: FieldSession, sender: bytes) -> list[tuple[Allowance, str]]:
    found = [
        (OF_SESSION, session.name),
        (OF_MERCHANT_FIELDS, f"{session.scope.text}/{session.merchant}"),
    ]
    if not is_local(sender):  # a proxy that nobody trusts would be everybody's address
        found.append((OF_ADDRESS, sender.hex()))
    return found


def _giver(one: served.Served, headers: Any) -> Handler:
    async def give(_call: Call) -> Answer:
        return Answer(one.octets, headers=headers, content_type=one.content_type)

    return give
