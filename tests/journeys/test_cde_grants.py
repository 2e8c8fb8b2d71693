"""The house asks and collects signatures, the environment believes them alone, and acts once.

Both sides as they are: the house's application with people and passkeys that sign for real, and
egress' use cases over the roster that the house wrote down and somebody carried over. Nothing but
the grant crosses.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / one) for one in ("decision", "identity", "kit", "cde/egress")]

from decision_room import Room, make_home, opened  # noqa: E402
from egress_kit import NUMBER, TwinVault, pin_of  # noqa: E402
from test_four_eyes import Person, enrol  # noqa: E402
from tls_kit import Authority  # noqa: E402

from paywarden.cde.egress.book import DestinationBook  # noqa: E402
from paywarden.cde.egress.canaries import Canaries  # noqa: E402
from paywarden.cde.egress.forwarding import Watch  # noqa: E402
from paywarden.cde.egress.opening import Opening  # noqa: E402
from paywarden.cde.egress.revealing import Revealing, Wish  # noqa: E402
from paywarden.cde.egress.roster_file import load_roster  # noqa: E402
from paywarden.cde.egress.stores.sqlite_ledger import SqliteLedger  # noqa: E402
from paywarden.cde.events import EventLog  # noqa: E402
from paywarden.cde_client.card_acts import Destination  # noqa: E402
from paywarden.cde_client.messages import ApprovalGrant  # noqa: E402
from paywarden.core.errors import Conflict, NotFound, NotPermitted  # noqa: E402
from paywarden.entrypoints.cde_approvers import roster_octets  # noqa: E402

ROLES = {
    "mia": ("senior_analyst",),
    "olaf": ("operator",),
    "ann": ("approver",),
    "bob": ("security_officer",),
    "sam": ("security_admin",),
}
TOKEN = "tk_live_" + "a" * 22


@pytest.fixture(scope="module")
def home_of_grants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("grants"))


@pytest.fixture
async def room(home_of_grants: Path, tmp_path: Path) -> AsyncIterator[Room]:
    home = tmp_path / "home"
    shutil.copytree(home_of_grants, home)
    async with opened(home) as made:
        yield made


class Environment:
    """Egress of the live environment, over a roster that was carried over."""

    def __init__(self, room: Room, folder: Path) -> None:
        self.room, self.folder = room, folder
        octets = roster_octets(
            room.installation.home, room.live, room.installation.approvals.party,
            room.installation.clock,
        )  # fmt: skip
        path = folder / "roster.json"
        path.write_bytes(octets)
        path.chmod(0o600)
        self.vault = TwinVault()
        self.vault.keep(TOKEN, scope=room.live)
        self.open()

    def open(self) -> None:
        """Start it, for the first time or again."""
        clock, roster = self.room.installation.clock, load_roster(self.folder / "roster.json")
        self.ledger = SqliteLedger(self.folder / "egress.db")
        self.events = EventLog(self.folder / "events.jsonl", clock, lambda *_: None)
        self.book = DestinationBook(self.ledger, roster, clock)
        watch = Watch(Canaries(), self.events)
        opening = Opening(self.vault, self.vault.agent)
        self.revealing = Revealing(opening, roster, self.ledger, watch, self.events, clock, 20)

    def close(self) -> None:
        self.events.close()
        self.ledger.close()

    def wish(self, grant: ApprovalGrant, **changed: Any) -> Wish:
        wanted: dict[str, Any] = {
            "scope": self.room.live, "merchant": "shop-1", "key_id": "key_desk",
            "request_id": "req_1", "token": TOKEN, "purpose": "chargeback", "ticket": "T-7",
            "grant": grant,
        }  # fmt: skip
        return Wish(**{**wanted, **changed})


async def asked(maker: Person, action: str, payload: dict[str, Any]) -> str:
    """Where the request stands. Its answer shows what will be signed."""
    body = {"action": action, "payload": payload, "reason": "needed"}
    answer = await maker.post("/v1/approvals", body)
    assert answer.status_code == 202, answer.text
    return "/v1/approvals/" + answer.json()["id"]


async def granted(maker: Person, path: str) -> ApprovalGrant:
    answer = await maker.http.get(path + "/grant")
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=ApprovalGrant)


async def test_a_number_is_revealed_once_under_two_signatures(room: Room, tmp_path: Path) -> None:
    people = {name: await enrol(room, name, *roles) for name, roles in ROLES.items()}
    mia, ann, bob = people["mia"], people["ann"], people["bob"]
    environment = Environment(room, tmp_path)
    wanted = {"merchant": "shop-1", "purpose": "chargeback", "scope": room.live.text,
              "ticket": "T-7", "token": TOKEN}  # fmt: skip
    path = await asked(mia, "card_number.reveal", wanted)
    assert (await mia.http.get(path + "/grant")).json()["code"] == "approvals_missing"
    assert (await mia.http.get(path + "/challenge")).status_code == 403  # nobody signs their own
    assert (await ann.approve(path)).status_code == 200
    assert (await mia.http.get(path + "/grant")).json()["code"] == "approvals_missing"
    assert (await bob.approve(path)).status_code == 200
    grant = await granted(mia, path)
    told = (await mia.post(path + "/execute")).json()
    assert told["code"] == "approval_executed_elsewhere"  # the house itself cannot

    for bent in ({"ticket": "T-8"}, {"merchant": "shop-2"}, {"token": TOKEN[:-1] + "b"}):
        with pytest.raises(NotPermitted, match="grant_other_payload"):
            await environment.revealing.reveal(environment.wish(grant, **bent))
    claimed = msgspec.structs.replace(grant, approvals=grant.approvals[:1])
    with pytest.raises(NotPermitted, match="approvals_missing"):
        await environment.revealing.reveal(environment.wish(claimed))
    found = await environment.revealing.reveal(environment.wish(grant))
    assert (found.number, set(found.approvers)) == (NUMBER.decode(), {ann.person, bob.person})
    environment.close()
    environment.open()
    with pytest.raises(Conflict, match="grant_used"):
        await environment.revealing.reveal(environment.wish(grant))
    environment.close()


async def test_a_destination_counts_once_two_people_signed_all_of_it(
    room: Room, tmp_path: Path
) -> None:
    people = {name: await enrol(room, name, *roles) for name, roles in ROLES.items()}
    olaf, ann, bob = people["olaf"], people["ann"], people["bob"]
    environment = Environment(room, tmp_path)
    authority = Authority(tmp_path / "ca")
    pins = [pin_of(authority.issue(one)) for one in ("psp.test", "backup.test")]
    # As people write it: without what has a default.
    written = {
        "name": "psp", "scope": room.live.text, "revision": 1, "base_url": "https://psp.test",
        "path_prefixes": ["/v1"], "methods": ["POST"], "fields": {"/card/number": "number"},
        "pins": pins, "answer_fields": ["/id"],
    }  # fmt: skip
    path = await asked(olaf, "card_destination.change", written)
    seen = (await ann.http.get(path)).json()
    assert '"forwards_per_minute":60000' in seen["payload"]  # what is signed leaves nothing out
    for person in (ann, bob):
        assert (await person.approve(path)).status_code == 200
    grant = await granted(olaf, path)
    destination = msgspec.convert(written, Destination)
    with pytest.raises(NotPermitted, match="grant_other_payload"):
        wider = msgspec.structs.replace(destination, path_prefixes=["/"])
        environment.book.change(room.live, wider, grant)
    with pytest.raises(NotFound, match="destination_unknown"):
        environment.book.of(room.live, "psp")
    environment.book.change(room.live, destination, grant)
    assert environment.book.of(room.live, "psp") == destination
    environment.close()
    environment.open()  # verified again at each start
    assert environment.book.of(room.live, "psp") == destination
    environment.close()


@pytest.mark.parametrize(
    ("action", "payload", "where"),
    [
        ("card_number.reveal", {"token": "4111 1111 1111 1111"}, "/payload"),
        ("card_number.reveal", {"merchant": "s", "purpose": "p", "ticket": "t", "token": TOKEN,
                                "scope": "other/live"}, "/payload/scope"),
        ("card_number.reveal", {"4111111111111111": 1}, "/payload"),
        ("card_destination.change", {"name": "psp"}, "/payload"),
    ],
)  # fmt: skip
async def test_no_signature_is_asked_for_what_is_no_act(
    room: Room, action: str, payload: dict[str, Any], where: str
) -> None:
    maker = "mia" if action == "card_number.reveal" else "olaf"
    person = await enrol(room, maker, *ROLES[maker])
    body = {"action": action, "payload": payload, "reason": "needed"}
    answer = await person.post("/v1/approvals", body)
    assert answer.status_code == 422, answer.text
    told = answer.json()
    assert (told["code"], told.get("pointer")) == ("approval_request_invalid", where)
    assert "4111" not in answer.text
