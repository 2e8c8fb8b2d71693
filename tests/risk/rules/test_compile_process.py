"""The compiler's process: the same result as here, whatever happens to it."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

import pytest
from compiled_material import vector

from paywarden.core.errors import Corrupt, InvalidRequest, TooLarge, Unavailable, Unparsable
from paywarden.risk.rules import compile_process
from paywarden.risk.rules.compile_child import Workshop, serve
from paywarden.risk.rules.compile_frames import (
    COMPILE,
    END,
    HEADER,
    PART,
    REFUSED,
    Frames,
    pieces,
    refusal_of,
    refused,
)
from paywarden.risk.rules.compile_process import (
    CompilerProcess,
    collection_paused,
    compile_in_child,
)
from paywarden.risk.rules.compiler import CompiledPolicy, compile_policy
from paywarden.risk.rules.file_pack import PolicyFiles, pack_files
from paywarden.risk.rules.findings import PolicyErrors
from paywarden.risk.rules.image_parts import Assembly, parts_of
from paywarden.risk.rules.policy_image import build_policy_image, ruleset_hash
from paywarden.risk.rules.reader import read_policy_files

HEAD = b"""\
name: crossing
base_currency: EUR
thresholds:
  points: {challenge: 40}
segments:
  - {name: web, when: 'payment.channel == "ecommerce"'}
  - {name: other, when: "true"}
lists:
  bad: string
reasons:
  SOME: Something
scenarios:
  test: {text: A test, engine: aml}
"""


def files_of(*whens: str) -> dict[str, bytes]:
    """A policy folder whose rule n has that condition, at line 5 n + 4."""
    rules = "".join(
        f"- id: r{n}\n  title: Rule {n}\n  scenario: test\n  when: '{when}'\n"
        f"  then: {{points: {n % 1000 + 1}, reason: SOME}}\n"
        for n, when in enumerate(whens)
    )
    return {"policy.yaml": HEAD, "rules/all.yaml": rules.encode()}


def packed(files: Mapping[str, bytes]) -> PolicyFiles:
    return PolicyFiles(pack_files(files))


WHENS = (
    "payment.hour > 3",
    'count(card, "1h") > 2',
    'merchant.id in lists.bad && sum(card, payment.amount_minor, "1d") > 10',
)


async def test_a_child_reads_and_compiles_as_this_process_does():
    files = files_of(*WHENS)
    async with CompilerProcess() as compiler:
        made = await compiler.compile(packed(files))
        first, here = made.policy, compile_policy(read_policy_files(files))
        assert first.policy == here.policy
        assert first.ruleset_hash == here.ruleset_hash == ruleset_hash(here.policy)
        assert (first.rules, first.fired, first.needs_whole, first.slots) == (
            here.rules, here.fired, here.needs_whole, here.slots,
        )  # fmt: skip
        assert {row.engine for row in first.fired} == {"aml"}
        assert first.aggregates == here.aggregates and len(first.aggregates) == 2
        assert made.packed == pack_files(files)
        lists = {"bad": {"m"}}
        values = vector(first, lists, payment__hour=4, merchant__id="m")
        assert first.online.evaluate(values, lists) == here.online.evaluate(values, lists) == [0]
        again = (await compiler.compile(packed(files))).policy
        assert again.counts["compiled"] == 0
        assert again.policy == first.policy and again.aggregates == first.aggregates


async def test_findings_come_back_with_file_line_and_column():
    wrong = files_of("payment.hour > 3", "payment.amount_minr > 5", "payment.hour +", "true")
    async with CompilerProcess() as compiler:
        for _ in range(2):  # what is remembered forgets no fault
            with pytest.raises(PolicyErrors) as caught:
                await compiler.compile(packed(wrong))
            places = [(f.file, f.line, f.column, f.code) for f in caught.value.findings]
            assert places == [("rules/all.yaml", 14, 24, "syntax_error")]
        typed = files_of("payment.hour > 3", "payment.amount_minr > 5", "payment.hour")
        with pytest.raises(PolicyErrors) as caught:
            await compiler.compile(packed(typed))
        assert [(f.file, f.line) for f in caught.value.findings] == [
            ("rules/all.yaml", 6), ("rules/all.yaml", 11),
        ]  # fmt: skip
        assert "payment.amount_minor" in caught.value.findings[0].remedy
        with pytest.raises(PolicyErrors):
            await compiler.compile(packed({**typed, "policy.yaml": b"name: [\n"}))
        assert len((await compiler.compile(packed(files_of("true")))).policy.rules) == 1


def _parts(workshop: Workshop, files: Mapping[str, bytes]) -> list[bytes]:
    return list(workshop.compile_packed(pack_files(files)))


def test_what_is_remembered_changes_no_result():
    windows = [f'count(card, "{n}m") > {n}' for n in range(1, 40)]
    first = files_of("payment.hour > 3", *windows, "merchant.id in lists.bad")
    moved = files_of("payment.hour > 2", *reversed(windows), "merchant.id in lists.bad")
    declared = b"- {name: card_3m, function: count, by: [card], window: 3m}\n"
    steps: list[dict[str, bytes]] = [
        first,
        moved,
        {**moved, "aggregates.yaml": declared},
        {**moved, "rules/more.yaml": moved["rules/all.yaml"].replace(b"id: r", b"id: s")},
        files_of(*windows[:3]),
        first,
    ]
    warm = Workshop()
    for files in steps:
        kept, fresh = _image(_parts(warm, files)), _image(_parts(Workshop(), files))
        assert kept == fresh
    assert _compiled(_parts(warm, first)) == 0 < _compiled(_parts(Workshop(), first))


def _image(parts: list[bytes]) -> dict[str, Any]:
    assembly = Assembly()
    for part in parts:
        assembly.take(part)
    image = assembly.image
    image.counts.pop("compiled")
    for program in (image.online, image.segments, image.merchant_groups):
        program.compiled = 0
    return {"image": image, "policy": assembly.policy}


def _compiled(parts: list[bytes]) -> int:
    assembly = Assembly()
    for part in parts:
        assembly.take(part)
    return assembly.image.counts["compiled"]


async def test_a_late_compiler_is_ended_and_replaced():
    async with CompilerProcess(deadline_seconds=0.001) as compiler:
        with pytest.raises(Unavailable) as caught:
            await compiler.compile(packed(files_of("true")))
        assert caught.value.code == "compiler_deadline"
        compiler._deadline_seconds = 60.0
        assert len((await compiler.compile(packed(files_of("true")))).policy.rules) == 1


async def test_a_compiler_out_of_memory_harms_nobody():
    async with CompilerProcess(memory_bytes=64 << 20) as compiler:
        with pytest.raises(Unavailable) as caught:
            await compiler.compile(
                packed(files_of(*[f"payment.amount_minor > {n}" for n in range(5_000)]))
            )
        assert caught.value.code == "compiler_ended"


async def test_a_child_killed_in_the_middle_is_replaced(monkeypatch: pytest.MonkeyPatch):
    # More than pipe and reader hold, so that the child is still sending when it is killed.
    files = packed(files_of(*[f"payment.amount_minor > {n}" for n in range(3_000)]))
    async with CompilerProcess() as compiler:
        take, taken = Assembly.take, 0

        def kill_at_the_third(self: Assembly, part: bytes) -> None:
            nonlocal taken
            taken += 1
            if taken == 3:
                assert compiler._process is not None
                compiler._process.kill()
            take(self, part)

        monkeypatch.setattr(Assembly, "take", kill_at_the_third)
        with pytest.raises(Unavailable) as caught:
            await compiler.compile(files)
        assert caught.value.code == "compiler_ended"
        assert compiler._process is None and taken >= 3
        monkeypatch.undo()
        made = await compiler.compile(packed(files_of("true")))
        assert len(made.policy.rules) == 1


async def test_a_tampered_answer_ends_the_child(monkeypatch: pytest.MonkeyPatch):
    checked = Frames.checked

    def tampered(self: Frames, kind: bytes, digest: bytes, payload: bytes) -> bytes:
        return checked(self, kind, digest, payload[:-1] + bytes([payload[-1] ^ 1]))

    async with CompilerProcess() as compiler:
        monkeypatch.setattr(Frames, "checked", tampered)
        with pytest.raises(Corrupt):
            await compiler.compile(packed(files_of("true")))
        assert compiler._process is None
        monkeypatch.undo()
        assert len((await compiler.compile(packed(files_of("true")))).policy.rules) == 1


async def test_other_tasks_run_while_a_policy_is_loaded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paywarden.kit.turns.WORK_SECONDS", 0.0)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    compiled = await compile_in_child(
        files_of(*[f"payment.amount_minor > {n} && payment.hour == {n % 24}" for n in range(1500)])
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
        serve(BytesIO(bytes(32) + frame), BytesIO(), {})
    out = BytesIO()
    serve(BytesIO(bytes(32)), out, {})
    assert out.getvalue() == b""


def test_a_request_in_pieces_is_one_and_refusals_keep_their_class():
    asked: list[bytes] = []

    def task(octets: bytes) -> Iterator[bytes]:
        asked.append(octets)
        yield b"one"
        if len(octets) == 3:
            raise Unparsable("malformed_json", "no JSON", pointer="/x")

    key, octets = b"k" * 32, os.urandom(300_000)
    sent = Frames(key, b">")
    request = b"".join(sent.packed(PART, piece) for piece in pieces(octets))
    assert request.count(octets[:131_072]) == 1 and len(list(pieces(octets))) == 3
    request += sent.packed(COMPILE, b"") + sent.packed(PART, b"bad") + sent.packed(COMPILE, b"")
    out = BytesIO()
    serve(BytesIO(key + request), out, {COMPILE: task})
    assert asked == [octets, b"bad"]
    answer, frames = BytesIO(out.getvalue()), Frames(key, b"<")
    kinds = []
    while header := answer.read(HEADER.size):
        kind, length, digest = HEADER.unpack(header)
        payload = frames.checked(kind, digest, answer.read(length))
        kinds.append(kind)
    assert kinds == [PART, END, PART, REFUSED]
    told = refusal_of(kind, payload)
    assert type(told) is Unparsable
    assert (told.code, told.detail, told.pointer) == ("malformed_json", "no JSON", "/x")
    assert type(refusal_of(*refused(TooLarge("a", "b")))) is TooLarge
    assert type(refusal_of(*refused(InvalidRequest("a", "b")))) is InvalidRequest
    assert type(refusal_of(b"?", b"")) is Corrupt


async def test_a_loaded_policy_is_freed_step_by_step():
    whens = [f'merchant.id == "m{n}" && payment.amount_minor > {n % 9}' for n in range(400)]
    policy = read_policy_files(files_of(*whens))
    assembly = Assembly()
    for part in parts_of(build_policy_image(policy), policy):
        assembly.take(part)
    compiled: CompiledPolicy = await compile_process.load_in_turns(assembly)
    assert not any(assembly.used_up())
    functions = compiled.heaps()[0]
    assert isinstance(functions, list) and len(functions) > 100
    for place, function in enumerate(functions):  # a list freed from its end frees one at a time
        callees = {id(v) for v in gc.get_referents(function.__globals__) if callable(v)}
        assert callees.isdisjoint(map(id, functions[place:]))
    held = {id(row) for heap in compiled.heaps() for row in heap}
    assert {id(row) for row in (*compiled.rules, *compiled.policy.rules)} <= held


def test_the_collector_runs_again_afterwards():
    assert gc.isenabled()
    with pytest.raises(ValueError, match="stop"), collection_paused():
        assert not gc.isenabled()
        raise ValueError("stop")
    assert gc.isenabled()
