"""Passwords: what is acceptable, the list of breached ones, the process that hashes."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people_room import PASSWORD, QuickHashing

from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest, LimitExceeded, Unavailable
from paywarden.core.identifiers import PersonId
from paywarden.core.secret import Secret
from paywarden.identity import argon2id, hashing_process
from paywarden.identity.breached import BreachedPasswords
from paywarden.identity.hashing_process import HashingProcess
from paywarden.identity.model import PasswordRecord
from paywarden.identity.passwords import PasswordPolicy

ANN = PersonId("psn_" + "a" * 26)


async def accepted(
    password: str, before: PasswordRecord | None = None, listed: Path | None = None
) -> PasswordRecord:
    policy = PasswordPolicy(QuickHashing(), BreachedPasswords(listed), FixedClock(7))
    words = ("ann.lee", "Ann Lee-Marlowe", "ann.lee@example.org")
    return await policy.accept(ANN, Secret(password), words, before)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short 7 word", None),
        ("elevenchar7", "password_length"),
        ("x7" * 65, "password_length"),
        ("correct horse battery staple", "password_simple"),
        ("8362 9174 5528 3391", "password_simple"),
        ("password1234", "password_weak"),
        ("aaaaaaaaaaa7", "password_weak"),
        ("ann.lee.marlowe7", "password_weak"),
        ("qwertyuiop12", "password_weak"),
        (PASSWORD, None),
        ("пароль из семи 7 слов", None),
    ],
)
async def test_what_is_acceptable(password: str, code: str | None) -> None:
    if code is None:
        assert (await accepted(password)).set_at_us == 7
        return
    with pytest.raises(InvalidRequest) as caught:
        await accepted(password)
    assert (caught.value.code, caught.value.pointer) == (code, "/password")
    assert password not in str(caught.value)


async def test_the_last_four_are_refused_and_the_fifth_is_not() -> None:
    record = None
    for n in range(5):
        record = await accepted(f"{PASSWORD} {n}", record)
    assert record is not None
    assert len(record.earlier) == 3
    for n in (4, 3, 2, 1):
        with pytest.raises(InvalidRequest, match="last four"):
            await accepted(f"{PASSWORD} {n}", record)
    await accepted(f"{PASSWORD} 0", record)


async def test_unicode_forms_are_one_password() -> None:
    record = await accepted("caf\u00e9 horse 7 battery")
    with pytest.raises(InvalidRequest, match="last four"):
        await accepted("cafe\u0301 horse 7 battery", record)


def listed(folder: Path, passwords: list[str], cut: int = 40, count: str = ":3\r") -> Path:
    path = folder / "breached.txt"
    lines = sorted(hashlib.sha1(p.encode()).hexdigest().upper()[:cut] + count for p in passwords)
    path.write_bytes("\n".join(lines).encode() + b"\n" if lines else b"")
    return path


@pytest.mark.parametrize(("cut", "count"), [(40, ":3\r"), (40, ""), (20, "")])
def test_every_listed_password_is_found_and_no_other(tmp_path: Path, cut: int, count: str) -> None:
    known = [f"password {n}" for n in range(500)]
    book = BreachedPasswords(listed(tmp_path, known, cut, count))
    assert all(book.holds(Secret(one)) for one in known)
    assert not any(book.holds(Secret(f"other {n}")) for n in range(500))


@settings(max_examples=40)
@given(st.lists(st.text(alphabet="abcdef", min_size=1, max_size=6), max_size=12))
def test_small_lists(tmp_path_factory: pytest.TempPathFactory, known: list[str]) -> None:
    book = BreachedPasswords(listed(tmp_path_factory.mktemp("b"), sorted(set(known))))
    assert all(book.holds(Secret(one)) for one in known)
    assert not book.holds(Secret("zzz"))


async def test_a_breached_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await accepted(PASSWORD, listed=listed(tmp_path, [PASSWORD, "x"]))
    assert caught.value.code == "password_breached"


@pytest.mark.parametrize("text", ["not a hash\n", "A" * 500, "ABC:1\n"])
def test_a_list_of_another_form_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(InvalidRequest) as caught:
        BreachedPasswords(path).holds(Secret("any"))
    assert caught.value.code == "breached_list_invalid"


async def test_the_process_hashes_verifies_and_scores() -> None:
    process = HashingProcess()
    try:
        encoded = await process.hash(Secret(PASSWORD))
        assert encoded.startswith(argon2id.PREFIX)
        assert await process.verify(encoded, Secret(PASSWORD))
        assert not await process.verify(encoded, Secret(PASSWORD + "x"))
        assert not await process.verify(argon2id.NOBODYS, Secret(PASSWORD))
        assert not await process.verify("nonsense", Secret(PASSWORD))
        assert await process.strength(Secret("password1234"), ()) < 3
        child = process._process
        assert child is not None
        child.kill()
        await child.wait()
        assert await process.verify(encoded, Secret(PASSWORD)), "a dead child is replaced"
    finally:
        await process.close()


async def test_few_wait_and_the_rest_are_told_to_come_back() -> None:
    process = HashingProcess()
    try:
        tries = [process.strength(Secret("word"), ()) for _ in range(40)]
        found = await asyncio.gather(*tries, return_exceptions=True)
    finally:
        await process.close()
    done = [one for one in found if isinstance(one, int)]
    assert len(done) == hashing_process.WAITING_LIMIT
    assert all(isinstance(one, int | LimitExceeded) for one in found)


async def test_a_child_that_cannot_start_is_a_clear_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashing_process, "CHILD", "paywarden.no_such_module")
    process = HashingProcess()
    with pytest.raises(Unavailable) as caught:
        await process.hash(Secret(PASSWORD))
    assert caught.value.code == "hashing_ended"
    await process.close()
