"""The compiler's process of an installation: bodies as they were sent, lists, policies given up."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from paywarden.core.errors import InvalidRequest, TooLarge, Unparsable
from paywarden.core.secret import Secret
from paywarden.decision.ports import PolicyCompiler
from paywarden.decision.stores.image_files import ImageFiles
from paywarden.entrypoints.compiling import Compiler
from paywarden.risk.rules.file_pack import PolicyFiles, pack_files, unpack_files
from paywarden.risk.rules.findings import PolicyErrors

FILES = {
    "policy.yaml": "name: sent\nbase_currency: EUR\nlists: {bad: email_domain, empty: string}\n",
    "rules/all.yaml": "- id: one\n  title: One\n  scenario: test\n"
    "  when: payment.hour > 3\n  then: {points: 5}\n",
    "lists/bad.csv": "value,reason,expires_at\nbad.example,Seen,\n"
    "WORSE.example,,2030-01-01T00:00:00Z\n",
}


@pytest.fixture
async def compiler() -> AsyncIterator[Compiler]:
    made = Compiler()
    yield made
    await made.close()


def sent(files: Any) -> PolicyFiles:
    return PolicyFiles(json.dumps({"files": files}).encode(), sent=True)


async def test_a_body_is_compiled_and_packed_as_files_are(compiler: PolicyCompiler) -> None:
    made = await compiler.compile(sent(FILES))
    assert unpack_files(made.packed) == {path: text.encode() for path, text in FILES.items()}
    stored = await compiler.compile(PolicyFiles(made.packed))
    assert stored.packed == made.packed
    assert stored.runtime.ruleset == made.runtime.ruleset
    assert stored.runtime.policy == made.runtime.policy
    assert [row.points for row in stored.runtime.rows] == [5]


async def test_faults_of_a_body_are_told_as_they_were_here(compiler: PolicyCompiler) -> None:
    with pytest.raises(Unparsable) as broken:
        await compiler.compile(PolicyFiles(b'{"files": {', sent=True))
    assert broken.value.code == "malformed_json"
    with pytest.raises(InvalidRequest) as shape:
        await compiler.compile(sent({"policy.yaml": 1}))
    assert (shape.value.code, shape.value.pointer) == ("field_invalid", "/files")
    with pytest.raises(PolicyErrors) as found:
        wrong = FILES["rules/all.yaml"].replace("payment.hour >", "payment.hour > >")
        await compiler.compile(sent({**FILES, "rules/all.yaml": wrong}))
    assert [(f.file, f.line, f.column) for f in found.value.findings] == [("rules/all.yaml", 4, 24)]


async def test_card_numbers_are_found_there(compiler: PolicyCompiler) -> None:
    assert await compiler.screen(sent(FILES).octets) is None
    assert await compiler.screen(b"no json") is None
    number = "4111 1111 1111 1111"
    refusal = await compiler.screen(sent({**FILES, "lists/bad.csv": f"value\n{number}\n"}).octets)
    assert refusal is not None
    assert (refusal.code, refusal.pointer) == ("card_number_not_accepted", "/files")
    assert number not in str(refusal)


async def test_list_files_are_read_there(compiler: PolicyCompiler) -> None:
    packed = pack_files({path: text.encode() for path, text in FILES.items()})
    found = await compiler.lists({"bad": "email_domain", "empty": "string"}, packed)
    assert found == {
        "bad": [("bad.example", "Seen", None), ("WORSE.example", "", 1_893_456_000_000_000)]
    }
    twice = pack_files({"lists/bad.csv": b"value\nx.example\nX.example\n"})
    with pytest.raises(InvalidRequest) as refused:
        await compiler.lists({"bad": "email_domain"}, twice)
    assert (refused.value.code, refused.value.pointer) == ("list_value_repeated", "bad.csv:3")
    assert not isinstance(refused.value, TooLarge)


async def test_a_restart_takes_the_image_from_disk(tmp_path: Path) -> None:
    def images(program: bytes = b"p" * 32) -> ImageFiles:
        return ImageFiles(tmp_path, Secret(b"k" * 32), program)

    first = Compiler(images())
    made = await first.compile(sent(FILES))
    await first.close()
    stored = PolicyFiles(made.packed, ruleset=made.runtime.ruleset)

    again = Compiler(images())
    kept = await again.compile(stored)
    assert kept.runtime.ruleset == made.runtime.ruleset and kept.packed == made.packed
    assert kept.runtime.policy == made.runtime.policy
    assert kept.runtime.rows == made.runtime.rows
    (remembering,) = again._remembering
    await remembering
    changed = await again.compile(
        sent({**FILES, "policy.yaml": FILES["policy.yaml"] + "text: x\n"})
    )
    assert changed.runtime.compiled.counts["compiled"] == 0, "the compiler was shown the image"
    await again.close()

    upgraded = Compiler(images(b"q" * 32))
    compiled = await upgraded.compile(stored)
    assert not upgraded._remembering
    assert compiled.runtime.compiled.counts["compiled"] > 0
    assert compiled.runtime.policy == made.runtime.policy
    await upgraded.close()


async def test_a_policy_given_up_is_taken_apart_in_steps(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paywarden.kit.turns.WORK_SECONDS", 0.0)
    rules = "".join(
        f"- {{id: r{n}, title: T, scenario: test, "
        f"when: 'payment.hour == {n}', then: {{points: 1}}}}\n"
        for n in range(300)
    )
    window = "- {name: w, function: count, by: [card], window: 1h, where: event.kind == 'label'}\n"
    given = {**FILES, "rules/all.yaml": rules, "aggregates.yaml": window}
    made = await compiler.compile(sent(given))
    functions = [weakref.ref(one) for one in made.runtime.compiled.online.functions]
    gone = weakref.ref(made.runtime.compiled)
    filters = weakref.ref(made.runtime.compiled.filters)
    del made
    assert gone() is None, "nothing refers back to a policy: it goes without the collector"
    dismantler = compiler._dismantler
    assert dismantler.waiting == 1
    assert all(one() is not None for one in functions)
    while dismantler.waiting:
        await asyncio.sleep(0)
    assert not any(one() for one in functions)
    assert filters() is None, "no cycle is left to the collector, which looks at none of it"
    assert gc.isenabled()
