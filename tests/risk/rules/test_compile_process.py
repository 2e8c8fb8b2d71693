from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from io import BytesIO

import pytest
from compiled_material import policy, vector

from paywarden.core.errors import Corrupt, InvalidRequest, Unavailable
from paywarden.risk.rules.compile_process import (
    CompilerProcess,
    Frames,
    collection_paused,
    compile_in_child,
    serve,
)
from paywarden.risk.rules.findings import PolicyErrors
from paywarden.risk.rules.policy_image import ruleset_hash


async def test_a_child_compiles_the_same_policy_again_and_again():
    given = policy("payment.hour > 3", 'count(card, "1h") > 2', "merchant.id in lists.bad")
    async with CompilerProcess() as compiler:
        first = await compiler.compile(given)
        assert first.ruleset_hash == ruleset_hash(given)
        lists = {"bad": {"m"}}
        assert first.online.evaluate(
            vector(first, lists, payment__hour=4, merchant__id="m"), lists
        ) == [0, 2]
        again = await compiler.compile(given)
        assert again.counts["compiled"] == 0
        with pytest.raises(PolicyErrors) as caught:
            await compiler.compile(policy("a +", "true", "payment.hour"))
        assert [f.line for f in caught.value.findings] == [1, 3]
        window = replace(given.aggregates[0], window_us=1)
        with pytest.raises(InvalidRequest):
            await compiler.compile(replace(given, aggregates=(window,)))
        assert (await compiler.compile(policy("true"))).online.evaluate(vector(again), {}) == [0]


async def test_a_late_compiler_is_ended_and_replaced():
    async with CompilerProcess(deadline_seconds=0.001) as compiler:
        with pytest.raises(Unavailable) as caught:
            await compiler.compile(policy("true"))
        assert caught.value.code == "compiler_deadline"
        compiler._deadline_seconds = 60.0
        assert len((await compiler.compile(policy("true"))).rules) == 1


async def test_a_compiler_out_of_memory_harms_nobody():
    async with CompilerProcess(memory_bytes=48 << 20) as compiler:
        with pytest.raises(Unavailable) as caught:
            await compiler.compile(policy(*[f"payment.amount_minor > {n}" for n in range(20_000)]))
        assert caught.value.code == "compiler_ended"


async def test_other_tasks_run_while_a_policy_is_loaded():
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    compiled = await compile_in_child(
        policy(*[f"payment.amount_minor > {n} && payment.hour == {n % 24}" for n in range(1500)])
    )
    other.cancel()
    assert len(compiled.rules) == 1500
    assert turns > 20


def test_frames_are_bound_to_key_direction_kind_and_order():
    key = bytes(32)

    def digest(frame: bytes) -> bytes:
        return frame[9:41]

    one = Frames(key, b"<").packed(b"P", b"payload")
    assert Frames(key, b"<").checked(b"P", digest(one), b"payload") == b"payload"
    twice = Frames(key, b"<")
    twice.checked(b"P", digest(one), b"payload")
    for reader, kind, payload in [
        (Frames(bytes(31) + b"x", b"<"), b"P", b"payload"),
        (Frames(key, b">"), b"P", b"payload"),
        (Frames(key, b"<"), b"E", b"payload"),
        (Frames(key, b"<"), b"P", b"payloae"),
        (twice, b"P", b"payload"),
    ]:
        with pytest.raises(Corrupt):
            reader.checked(kind, digest(one), payload)


def test_the_child_refuses_frames_of_another_key():
    frame = Frames(b"k" * 32, b">").packed(b"E", b"")
    with pytest.raises(Corrupt):
        serve(BytesIO(bytes(32) + frame), BytesIO())
    out = BytesIO()
    serve(BytesIO(bytes(32)), out)
    assert out.getvalue() == b""


def test_the_collector_runs_again_afterwards():
    assert gc.isenabled()
    with pytest.raises(ValueError, match="stop"), collection_paused():
        assert not gc.isenabled()
        raise ValueError("stop")
    assert gc.isenabled()
