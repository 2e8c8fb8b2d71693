"""Attacks on the key agent over its real socket, by each of its callers and by strangers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cde"))

from key_agent_kit import DEVELOPMENT, PERIOD, SCOPE, House, root_of_test, with_budget

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys import wire
from paywarden.cde.keys.client import DataKey, KeyAgent
from paywarden.cde.keys.operations import ALLOWED, REASONS
from paywarden.cde.keys.settings import (
    AgentSection,
    KeySettings,
    known_callers,
    read_settings,
)
from paywarden.cde.proofs import CALLERS, load_proof
from paywarden.core.errors import (
    Conflict,
    Corrupt,
    InvalidRequest,
    NotPermitted,
    PaywardenError,
    Unavailable,
)
from paywarden.core.secret import Secret

A_KEY = wire.WrappedItem(b"rec", bytes(60), 1)
REQUESTS: list[wire.Request] = [
    wire.NewDataKeys(SCOPE, "pan", PERIOD, [b"rec"]),
    wire.OpenDataKeys(SCOPE, "pan", PERIOD, [A_KEY], "forward"),
    wire.Rewrap(SCOPE, "pan", [wire.RewrapItem(PERIOD, b"rec", bytes(60), 1)]),
    wire.IndexCards(SCOPE, [b"4111111111111111"]),
    wire.SignFacts([b"{}"]),
    wire.FactsKeys(),
    wire.Anchor("vault", 1, bytes(32)),
    wire.Anchored("vault"),
    wire.Rotate("pan"),
    wire.Destroy("pan", "2026-01"),
    wire.DestroyVersion("pan", 1),
    wire.MarkCompromised("pan", 1),
    wire.States(),
    wire.Budgets(),
    wire.Ping(),
]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@contextlib.asynccontextmanager
async def trio(house: House) -> AsyncIterator[tuple[KeyAgent, KeyAgent, KeyAgent]]:
    """A running agent as vault, egress and operator see it."""
    async with (
        house.running(),
        house.agent("vault") as vault,
        house.agent("egress") as egress,
        house.agent("operator") as operator,
    ):
        yield vault, egress, operator


async def made(vault: KeyAgent, *contexts: bytes, scope: str = SCOPE) -> list[DataKey]:
    keys = await vault.new_data_keys(scope, "pan", PERIOD, contexts or (b"rec",))
    assert not isinstance(keys, Refused), keys
    return keys


async def opened(
    agent: KeyAgent,
    item: tuple[bytes, bytes, int],
    scope: str = SCOPE,
    period: str = PERIOD,
    reason: wire.Reason = "forward",
) -> bytes | str:
    """The data key, or the refusal's code."""
    answer = await agent.open_data_keys(scope, "pan", period, [wire.WrappedItem(*item)], reason)
    return answer.code if isinstance(answer, Refused) else answer[0].expose()


def test_every_operation_has_a_row_here() -> None:
    assert {type(one) for one in REQUESTS} == set(get_args(wire.Request))


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_caller_gets_nothing_that_is_not_on_its_list(house: House, caller: str) -> None:
    async with house.running():
        proof = load_proof(house.places.run, caller)
        frames = FrameClient(house.places.keys_socket, caller, proof)
        for request in REQUESTS:
            answer = await frames.ask(request, object)
            barred = isinstance(answer, Refused) and answer.code == "operation_not_allowed"
            assert barred == (type(request) not in ALLOWED[caller]), request
        await frames.close()


@pytest.mark.parametrize("reason", get_args(wire.Reason))
async def test_each_reason_opens_for_one_caller_alone(house: House, reason: wire.Reason) -> None:
    async with trio(house) as (vault, egress, _):
        [key] = await made(vault)
        item = (b"rec", key.wrapped, key.kek_version)
        for name, agent in (("vault", vault), ("egress", egress)):
            answer = await opened(agent, item, reason=reason)
            if reason in REASONS[name]:
                assert answer in (key.key.expose(), "decrypt_budget_exceeded")
            else:
                assert answer == "reason_not_allowed"


@pytest.mark.parametrize("caller", [*CALLERS, "nobody"])
async def test_a_wrong_proof_or_anothers_opens_no_conversation(house: House, caller: str) -> None:
    others = [load_proof(house.places.run, name) for name in CALLERS if name != caller]
    async with house.running():
        for proof in [*others, Secret(b"x" * 32), Secret(b""), None]:
            frames = FrameClient(house.places.keys_socket, caller, proof)
            with pytest.raises(NotPermitted):
                await frames.ask(wire.Ping(), wire.Pong)


async def test_wrapped_keys_swapped_between_records_tenants_and_months_do_not_open(
    house: House,
) -> None:
    async with trio(house) as (vault, egress, _):
        one, two = await made(vault, b"one", b"two")
        [foreign] = await made(vault, b"one", scope="other/test")
        live = await made(vault, b"one", scope="shop/live")
        late = await vault.new_data_keys(SCOPE, "pan", "2026-12", [b"one"])
        assert not isinstance(late, Refused)
        for stranger in (two, foreign, *live, *late):
            answer = await opened(egress, (b"one", stranger.wrapped, 1))
            assert answer == "wrapped_key_invalid"
        assert await opened(egress, (b"one", one.wrapped, 1)) == one.key.expose()
        items = [wire.RewrapItem(PERIOD, b"one", foreign.wrapped, 1)]
        answered = await vault.rewrap(SCOPE, "pan", items)
        assert isinstance(answered, Refused) and answered.code == "wrapped_key_invalid"


async def test_one_bad_item_refuses_its_whole_batch(house: House) -> None:
    async with trio(house) as (vault, egress, _):
        one, two = await made(vault, b"one", b"two")
        items = [
            wire.WrappedItem(b"one", one.wrapped, 1),
            wire.WrappedItem(b"one", two.wrapped, 1),
        ]
        answer = await egress.open_data_keys(SCOPE, "pan", PERIOD, items, "forward")
        assert isinstance(answer, Refused) and answer.code == "wrapped_key_invalid"


async def test_guesses_cost_as_much_as_hits_and_a_restart_refills_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, with_budget(egress_minute=5))
    async with trio(house) as (vault, egress, _):
        [key] = await made(vault)
        item = (b"rec", key.wrapped, 1)
        for _ in range(3):
            assert await opened(egress, (b"rec", bytes(60), 1)) == "wrapped_key_invalid"
        for _ in range(2):
            assert await opened(egress, item) == key.key.expose()
        assert await opened(egress, item) == "decrypt_budget_exceeded"
    for killed in (False, True, False):
        async with house.running(killed=killed), house.agent("egress") as egress:
            assert await opened(egress, item) == "decrypt_budget_exceeded"
    house.clock.advance(60)
    async with house.running(), house.agent("egress") as egress:
        assert await opened(egress, item) == key.key.expose()


async def test_a_batch_spends_for_each_of_its_items(tmp_path: Path) -> None:
    house = House(tmp_path, with_budget(egress_minute=5))
    async with trio(house) as (vault, egress, operator):
        keys = await made(vault, b"1", b"2", b"3")
        items = [
            wire.WrappedItem(b"%d" % place, key.wrapped, 1) for place, key in enumerate(keys, 1)
        ]
        first = await egress.open_data_keys(SCOPE, "pan", PERIOD, items, "forward")
        assert not isinstance(first, Refused)
        second = await egress.open_data_keys(SCOPE, "pan", PERIOD, items, "forward")
        assert isinstance(second, Refused) and second.code == "decrypt_budget_exceeded"
        budgets = await operator.budgets()
        assert not isinstance(budgets, Refused)
        spent = {(one.account, one.window): one.spent for one in budgets}
        assert spent["egress", "minute"] == spent["global", "day"] == 3


async def test_a_crowd_gets_exactly_its_budget(tmp_path: Path) -> None:
    house = House(tmp_path, with_budget(egress_minute=40))
    async with trio(house) as (vault, egress, _):
        [key] = await made(vault)
        item = (b"rec", key.wrapped, 1)
        answers = await asyncio.gather(*(opened(egress, item) for _ in range(200)))
        assert answers.count(key.key.expose()) == 40
        assert answers.count("decrypt_budget_exceeded") == 160


async def test_a_disk_that_fails_lets_no_key_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "no space left")

    async with house.running(killed=True), house.agent("vault") as vault:
        [key] = await made(vault)
        async with house.agent("egress") as egress:
            with monkeypatch.context() as patch:
                patch.setattr(os, "fdatasync", full)
                assert await opened(egress, (b"rec", key.wrapped, 1)) == "agent_state_unwritable"
            assert await opened(egress, (b"rec", key.wrapped, 1)) == "agent_state_unwritable"
        refused = await vault.anchor("vault", 1, bytes(32))
        assert isinstance(refused, Refused) and refused.code == "agent_state_unwritable"


async def test_anchors_never_go_back_not_even_over_a_kill(house: House) -> None:
    new, old = b"n" * 32, b"o" * 32
    async with house.running(killed=True), house.agent("vault") as vault:
        assert await vault.anchor("vault", 7, new) is True
    async with house.running(), house.agent("vault") as vault:
        for revision, root, code in ((6, old, "anchor_behind"), (7, old, "anchor_conflict")):
            answer = await vault.anchor("vault", revision, root)
            assert isinstance(answer, Refused) and answer.code == code
        assert await vault.anchor("vault", 7, new) is True
        assert await vault.anchored("vault") == wire.AnchorHeld(7, new)
        assert await vault.anchored("other") is None


async def test_a_state_file_put_back_shows_as_an_anchor_behind_the_vault(house: House) -> None:
    async with house.running(), house.agent("vault") as vault:
        assert await vault.anchor("vault", 1, b"1" * 32) is True
    old = house.places.state_journal.read_bytes()
    async with house.running(), house.agent("vault") as vault:
        assert await vault.anchor("vault", 2, b"2" * 32) is True
    house.places.state_journal.write_bytes(old)
    async with house.running(), house.agent("vault") as vault:
        held = await vault.anchored("vault")
        assert isinstance(held, wire.AnchorHeld)
        assert held.revision < 2  # the vault knows of 2 and refuses to go on


async def test_an_older_key_file_put_back_alone_stops_the_start(house: House) -> None:
    old = house.places.key_file.read_bytes()
    async with house.running(killed=True), house.agent("operator") as operator:
        assert await operator.rotate("pan") == 2
        assert await operator.destroy_version("pan", 1) is True
    new = house.places.key_file.read_bytes()
    house.places.key_file.write_bytes(old)
    with pytest.raises(Corrupt) as refused:
        house.open()
    assert refused.value.code == "key_file_behind"
    house.places.key_file.write_bytes(new)
    async with house.running(), house.agent("operator") as operator:
        assert await operator.rotate("pan") == 3


async def test_anothers_journal_and_an_emptied_one_stop_the_start(
    tmp_path: Path, house: House
) -> None:
    other = House(tmp_path / "other")
    house.places.state_journal.write_bytes(other.places.state_journal.read_bytes())
    with pytest.raises(Corrupt):
        house.open()
    house.places.state_journal.write_bytes(b"PWSTATE1")
    with pytest.raises(Corrupt):
        house.open()
    house.places.state_journal.unlink()
    with pytest.raises(Unavailable):
        house.open()


async def test_a_second_agent_is_kept_out(house: House) -> None:
    async with house.running():
        with pytest.raises(Conflict):
            house.open()


class GoingRoot:
    """A root whose back end can be taken away."""

    name, kind = "module", "pkcs11"

    def __init__(self) -> None:
        self.inner, self.gone = root_of_test(), False

    def seal(self, key: bytes, context: bytes) -> bytes:
        self._check()
        return self.inner.seal(key, context)

    def unseal(self, sealed: bytes, context: bytes) -> Secret[bytes]:
        self._check()
        return self.inner.unseal(sealed, context)

    def _check(self) -> None:
        if self.gone:
            raise Unavailable("key_backend_gone", "the key module does not answer")


async def test_a_back_end_that_is_gone_stops_the_start_and_every_change(house: House) -> None:
    root = house.root = GoingRoot()
    async with trio(house) as (vault, egress, operator):
        [key] = await made(vault)
        before = house.places.key_file.read_bytes()
        root.gone = True
        for answer in (
            await operator.rotate("pan"),
            await vault.new_data_keys(SCOPE, "pan", "2026-12", [b"rec"]),
        ):
            assert isinstance(answer, Refused) and answer.code == "key_backend_gone"
        assert house.places.key_file.read_bytes() == before
        # What was opened at the start goes on: payments do not stop with the module.
        assert await opened(egress, (b"rec", key.wrapped, 1)) == key.key.expose()
        again = await made(vault)
        assert again[0].kek_version == 1
    with pytest.raises(Unavailable) as gone:
        house.open()
    assert gone.value.code == "key_backend_gone"


async def test_a_destroyed_month_is_shredded_for_good(house: House) -> None:
    async with trio(house) as (vault, egress, operator):
        [key] = await made(vault)
        item = (b"rec", key.wrapped, 1)
        answer = await operator.destroy("pan", PERIOD)
        assert isinstance(answer, Refused) and answer.code == "period_open"
        house.clock.advance(40 * 86_400)
        assert await operator.destroy("pan", PERIOD) is True
        assert await opened(egress, item) == "key_destroyed"
        again = await operator.destroy("pan", PERIOD)
        assert isinstance(again, Refused) and again.code == "key_transition_illegal"
        for version in ("pan", "index"):
            assert await operator.rotate(version) == 2  # type: ignore[arg-type]
        house.clock.advance(-40 * 86_400)  # the clock set back into the month
        fresh = await vault.new_data_keys(SCOPE, "pan", PERIOD, [b"rec"])
        assert isinstance(fresh, Refused) and fresh.code == "key_destroyed"
    async with house.running(), house.agent("egress") as egress:
        assert await opened(egress, item) == "key_destroyed"


@pytest.mark.parametrize("period", ["2026-09", "2027-01", "2025-11"])
async def test_no_keys_are_made_for_months_far_away(house: House, period: str) -> None:
    async with house.running(), house.agent("vault") as vault:
        answer = await vault.new_data_keys(SCOPE, "pan", period, [b"rec"])
        assert isinstance(answer, Refused) and answer.code == "period_closed"


BAD = [
    wire.NewDataKeys("shop", "pan", PERIOD, [b"rec"]),
    wire.NewDataKeys("Shop/test", "pan", PERIOD, [b"rec"]),
    wire.NewDataKeys("shop/prod", "pan", PERIOD, [b"rec"]),
    wire.NewDataKeys("shop/test\n", "pan", PERIOD, [b"rec"]),
    wire.NewDataKeys(SCOPE, "index", PERIOD, [b"rec"]),  # type: ignore[arg-type]
    wire.NewDataKeys(SCOPE, "pan", "2026-13", [b"rec"]),
    wire.NewDataKeys(SCOPE, "pan", "2026-11 ", [b"rec"]),
    wire.NewDataKeys(SCOPE, "pan", PERIOD, []),
    wire.NewDataKeys(SCOPE, "pan", PERIOD, [b""]),
    wire.NewDataKeys(SCOPE, "pan", PERIOD, [b"r"] * (wire.BATCH_LIMIT + 1)),
    wire.IndexCards(SCOPE, [b"1" * 20]),
    wire.Anchor("../etc", 1, bytes(32)),
    wire.Anchor("vault", 0, bytes(32)),
    wire.Anchor("vault", 1, bytes(31)),
    wire.Anchor("vault", 2**63, bytes(32)),
]


async def test_requests_out_of_their_bounds_are_refused_before_they_are_looked_at(
    house: House,
) -> None:
    async with house.running():
        proof = load_proof(house.places.run, "vault")
        frames = FrameClient(house.places.keys_socket, "vault", proof)
        for request in BAD:
            answer = await frames.ask(request, object)
            assert isinstance(answer, Refused) and answer.code == "request_malformed", request
        await frames.close()


@pytest.mark.parametrize("kind", ["file", "environment"])
def test_production_refuses_a_root_that_lies_in_the_open(tmp_path: Path, kind: str) -> None:
    (tmp_path / "keys.toml").write_text(f'[agent]\nmode = "production"\nroot = "{kind}"\n')
    with pytest.raises(InvalidRequest) as refused:
        read_settings(tmp_path, {})
    assert refused.value.code == "root_unfit_for_production"


def test_production_refuses_a_root_whose_settings_lie_about_it(house: House) -> None:
    house.settings = KeySettings(agent=AgentSection(mode="production", root="pkcs11"))
    with pytest.raises(InvalidRequest) as refused:
        house.open()  # the root at hand says that it is a file
    assert refused.value.code == "root_unfit_for_production"


def test_a_file_that_says_nothing_means_production(tmp_path: Path) -> None:
    assert read_settings(tmp_path, {}).production
    assert DEVELOPMENT.production is False


def test_production_wants_users_apart(house: House) -> None:
    with pytest.raises(InvalidRequest) as refused:
        known_callers(KeySettings(), house.places.run, os.geteuid())
    assert refused.value.code == "callers_not_apart"


def test_a_proof_that_others_may_read_stops_the_start(house: House) -> None:
    (house.places.run / "egress.caller").chmod(0o644)
    with pytest.raises(PaywardenError) as refused:
        house.open()
    assert refused.value.code == "master_key_unsafe"


async def test_what_was_asked_stands_in_no_log(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    number = b"4111111111111111"
    async with house.running(), house.agent("edge") as edge, house.agent("vault") as vault:
        refused = await edge.index_cards(SCOPE, [number])
        assert isinstance(refused, Refused)
        assert not isinstance(await vault.index_cards(SCOPE, [number]), Refused)
    out = capsys.readouterr()
    assert "4111" not in out.out + out.err + str(refused)
    assert "key_request_refused" in out.out + out.err
