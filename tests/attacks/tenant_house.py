"""One house with four scopes: an owner whose objects all exist, and strangers who ask for them.

Strangers are people with real sessions in their own tenant and environment. They are given every
permission there is, so that nothing but the scope in the stores stands between them and the owner.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "decision"))
sys.path.insert(0, str(Path(__file__).parents[1] / "identity"))

from decision_room import WIDER, Room
from software_passkey import SoftwarePasskey

import paywarden
from paywarden.aml.alerts.model import Alert, Entity
from paywarden.aml.customer_risk.model_desk import shipped_text
from paywarden.aml.screening.serving.messages import Found
from paywarden.core.identifiers import ApprovalId, DecisionId, PersonId, SessionId
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.decision import entries
from paywarden.decision.entries import GenesisEntry
from paywarden.decision.start import apply_control
from paywarden.entrypoints import api
from paywarden.entrypoints.init import EVER_US
from paywarden.entrypoints.webhooks import DELIVERY_PARTS
from paywarden.identity.access_review.model import Cover, ReviewId
from paywarden.identity.approvals.execution import Maker
from paywarden.identity.directory import Profile
from paywarden.identity.enrolment import passkey_name
from paywarden.identity.permissions.model import Role
from paywarden.identity.permissions.table import PERMISSIONS
from paywarden.identity.request_authenticator import COOKIE
from paywarden.identity.sessions import BY_KIND
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.journal.model import Entry
from paywarden.kit.stores.sqlite_webhook_deliveries import SqliteDeliveries
from paywarden.kit.webhooks.model import Delivery, EndpointId
from paywarden.risk.labels.rate import LabelRates, RateLimits

EVERYTHING: Final = frozenset(PERMISSIONS).union(*BY_KIND.values())
POLICY: Final = {
    **WIDER,
    "policy.yaml": WIDER["policy.yaml"].replace(b"lists:\n", b"lists:\n  owners_only: card\n"),
    "rules/wider.yaml": WIDER["rules/wider.yaml"].replace(b"- id: pair\n", b"- id: owners-rule\n"),
}
"""A policy, with a list and a rule, that the owner's scope alone has."""
LIST: Final = "owners_only"
HOOK: Final = {"url": "https://93.184.216.34/in", "events": ["decision.recorded"]}


class Unlimited:
    """The real authenticator, whose callers may then do everything in their own scope."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def authenticate(self, headers: Mapping[str, str]) -> Principal:
        found: Principal = self._real.authenticate(headers)
        return replace(found, permissions=EVERYTHING, step_up=frozenset())


class Tenant:
    """Somebody in a scope, with a browser."""

    def __init__(self, house: House, scope: Scope, name: str) -> None:
        self.house, self.scope, self.name = house, scope, name
        self.passkey = SoftwarePasskey(f"{name}@{scope.text}")
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(house.app), base_url="http://localhost:8080",
            headers={"paywarden-request": "1"},
        )  # fmt: skip
        self.person = self.session = ""

    async def enter(self) -> Tenant:
        """Enrol with a passkey and sign in."""
        people = self.house.room.installation.people
        profile = Profile(self.name, self.name.title(), f"{self.name}@example.org")
        person, token = await people.directory.invite(self.scope, profile, "cli:people", None)
        link = await people.sign_in.follow_link(self.scope, token)
        made = self.passkey.create(await people.enrolment.passkey_options(link.session))
        await people.enrolment.add_passkey(link.session, self.name, made)
        self.person = person.text
        given = {"credential": Secret(json.dumps(self.passkey.get(await self._options())))}
        entered = await people.sign_in.enter(self.scope, people.passkeys, given)
        self.session = entered.session.session.text
        self.http.headers["cookie"] = f"{COOKIE}={entered.token.expose()}"
        return self

    async def _options(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.house.room.installation.people.passkeys.options(
            self.scope
        )
        return found

    def passkey_name(self) -> str:
        """The id of the passkey as paths carry it."""
        records = self.house.room.installation.people.records
        return passkey_name(records.passkeys_of(self.scope, PersonId.parse(self.person))[0])


class House:
    """The application over a room; `objects` holds the owner's, by kind."""

    def __init__(self, room: Room) -> None:
        self.room = room
        installation = room.installation
        people: Any = installation.people
        people.authenticator = Unlimited(people.authenticator)
        self.app = api.application(installation)
        self.objects: dict[str, str] = {}

    async def open(self) -> tuple[Tenant, list[Tenant]]:
        """(the owner, strangers in every other scope)."""
        room = self.room
        away = [Scope("elsewhere", one) for one in Environment]
        for scope in away:
            await self._log(scope)
        owner = await Tenant(self, room.live, "owner").enter()
        strangers = [await Tenant(self, scope, "stranger").enter() for scope in (room.test, *away)]
        await self._furnish(owner)
        return owner, strangers

    def unknown(self, kind: str) -> str:
        """A well-formed name of the kind that nobody has."""
        chance = self.room.installation.randomness
        made: dict[str, Any] = {
            "decision": DecisionId, "approval": ApprovalId, "webhook": EndpointId,
            "person": PersonId, "session": SessionId, "review": ReviewId,
        }  # fmt: skip
        if kind in made:
            return str(made[kind].new(chance).text)
        texts = {"list": "nobody_has_it", "rule": "nobodys-rule", "rollout": "ro_" + "a" * 26,
                  "verdict": "sv_" + "0" * 32,
                 "alert": "al_" + "0" * 32, "group": "ag_" + "0" * 32,
                  "ruleset": "rs_" + "0" * 64,
                  "backtest": "bt_" + "a" * 26, "delivery": "999983",
                 "item": "77", "hold": "999979", "risk_model": "rm_" + "0" * 64,
                 "reference": "0" * 16}  # fmt: skip
        return texts.get(kind) or "x" * len(self.objects[kind])

    async def _log(self, scope: Scope) -> None:
        """The first entry of a tenant's log, as `init` writes it."""
        own, ledger = self.room.installation, self.room.ledger
        body, unit, now = GenesisEntry(paywarden.__version__, EVER_US), UnitOfWork(), 0
        staged = ledger.stage(unit, scope, entries.GENESIS, now, body)
        await ledger.commit(unit, [staged])
        entry = Entry(staged.seq, scope, entries.GENESIS, now, entries.encode(body))
        apply_control(ledger, entry, own.foundations(), own.fresh_lists())
        await self.room.publish({**WIDER, "rules/extra.yaml": WIDER["rules/wider.yaml"].replace(
            b"- id: ", b"- id: their-")}, scope)  # fmt: skip

    async def _furnish(self, owner: Tenant) -> None:
        """One object of every kind in the owner's scope."""
        room, objects = self.room, self.objects
        before = str(room.state(room.live).ruleset)
        await room.publish(POLICY, room.live)
        objects["list"], objects["rule"] = LIST, "owners-rule"
        objects["ruleset"] = str(room.state(room.live).ruleset)
        decided = await room.decide()
        objects["decision"] = room.installation.ids.text(room.live, decided.seq)
        objects["payment"] = decided.entry.payment_id
        found = Found("own-1", "own", "Person", "0" * 64, "Ann", "Ann", 0.9, "", (), ())
        verdict = await room.installation.aml.verdicts.give(
            room.live, "00" * 16, "payee", found, "same",
            person="person:owner", reason="seen", decision_seq=decided.seq, expires_at_us=None,
        )  # fmt: skip
        objects["verdict"] = verdict.id
        objects["alert"], objects["group"] = await self._alert()
        objects["hold"] = await self._flood(decided.entry.payment_id)
        await self._know_a_customer(owner)
        other = await Tenant(self, room.live, "second").enter()
        objects["person"], objects["passkey"] = other.person, owner.passkey_name()
        objects["session"] = owner.session
        body = {"reason": "to compare"}
        tried = await owner.http.post(f"/v1/rulesets/{before}/shadow", json=body)
        assert tried.status_code == 200, tried.text
        objects["rollout"] = tried.json()["id"]
        begun = await owner.http.post(f"/v1/rulesets/{objects['ruleset']}/backtest", json={})
        assert begun.status_code == 202, begun.text
        objects["backtest"] = begun.json()["id"]
        made = await owner.http.post("/v1/webhooks", json=HOOK)
        assert made.status_code == 201, made.text
        objects["webhook"] = made.json()["id"]
        objects["delivery"] = self._deliver(objects["webhook"])
        reviews, covers = room.installation.access.reviews, frozenset(Cover)
        due = room.clock.now_us() + 1_000_000
        held = PersonId.parse(owner.person)
        opened = await reviews.open(room.live, covers, due, held)
        objects["review"], objects["item"] = opened.review.text, "1"
        person = {"person": objects["person"], "role": "analyst"}
        objects["approval"] = await self._ask(owner, "role.grant", person, Role.SECURITY_ADMIN)
        again = {"ruleset": objects["ruleset"]}
        await self._ask(owner, "ruleset.publish", again, Role.RULE_AUTHOR)

    async def _know_a_customer(self, owner: Tenant) -> None:
        form = {"person": {"name": "Owners Customer", "country": "DE"}}
        made = await owner.http.put("/v1/aml/customers/owners-customer", json=form)
        assert made.status_code == 200, made.text
        self.objects["customer"] = "owners-customer"
        self.objects["reference"] = made.json()["summary"]["reference"]
        text = shipped_text() + "# the owner's own\n"
        kept = await owner.http.post("/v1/aml/risk-models", json={"text": text})
        assert kept.status_code == 200, kept.text
        self.objects["risk_model"] = kept.json()["model"]

    async def _alert(self) -> tuple[str, str]:
        """An alert against money laundering, and its group."""
        made = Alert("typology", Entity("payer", "owners-hash"), "owners-typology", 1, 1, 1, 1, ())
        assert await self.room.installation.aml.alert_desk.raised(self.room.live, [made]) == 1
        return made.id, made.group

    async def _flood(self, payment: str) -> str:
        """A hold with one label, as if two an hour were a flood."""
        watch: Any = self.room.installation.label_watch
        usual, watch._rates = watch._rates, LabelRates(RateLimits(floor=1, share=1e-9))
        said = [await self.room.label(payment, "genuine") for _ in range(2)]
        watch._rates = usual
        assert [one.status for one in said] == ["recorded", "held"]
        return str(next(iter(self.room.state(self.room.live).holds)).seq)

    async def endpoint_of(self, who: Tenant) -> str:
        """An endpoint of somebody's own."""
        made = await who.http.post("/v1/webhooks", json=HOOK)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def _deliver(self, endpoint: str) -> str:
        place, scope = self.room.installation.home.webhooks, self.room.live
        writer = Writer(place, DELIVERY_PARTS, ())
        writer.start()
        reader = self.room.installation.webhooks.deliveries
        store = SqliteDeliveries(reader._reader, writer)
        one = Delivery(0, "msg_1", endpoint, scope, "decision.recorded", b"{}", 1)
        store.take_over(1, [one])
        writer.close()
        return str(store.page(scope, endpoint, 2**62, None, 1)[0].id)

    async def _ask(self, owner: Tenant, action: str, wanted: dict[str, str], role: Role) -> str:
        """An open request of the owner's, who holds no role to ask by HTTP."""
        maker = Maker(owner.person, frozenset({role}))
        approvals, payload = self.room.installation.approvals, json.dumps(wanted).encode()
        asked = await approvals.request(self.room.live, action, payload, maker, "mine")
        return str(asked.asked.approval_id.text)
