"""Ceremonies at the desk: dual control, wrong parts, limits, crashes, no secrets told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ceremony_kit import TRANSCRIPT_KEY, House, credential, key_of

from paywarden.cde.ceremonies.attendance import Proof
from paywarden.cde.ceremonies.parts import read
from paywarden.cde.ceremonies.recovery import recover
from paywarden.cde.ceremonies.signed_roster import load_roster
from paywarden.cde.ceremonies.transcript import Transcript
from paywarden.cde.ceremonies.transcript import read as read_transcript
from paywarden.cde.ceremonies.wire import Enter
from paywarden.core.errors import Conflict, Corrupt, LimitExceeded, NotPermitted, PaywardenError
from paywarden.core.secret import Secret


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def lines_of(house: House) -> list[str]:
    path = sorted(
        (house.folder / "ceremonies").glob("*.jsonl"), key=lambda one: one.stat().st_mtime_ns
    )
    key = Transcript(path[-1], TRANSCRIPT_KEY, house.clock).public_key
    return [line.what for line in read_transcript(path[-1], key)]


@pytest.mark.parametrize(("scheme", "needed"), [("shares", 2), ("components", 3)])
def test_a_root_is_made_locked_and_opened_by_a_quorum(
    house: House, scheme: str, needed: int
) -> None:
    parts = house.held(scheme=scheme, needed=needed)
    root = house.desk.root
    assert root is not None and root.kind == "shares"
    sealed = root.seal(bytes(32), b"context")
    house.reopen()
    assert house.desk.root is None and house.desk.standing().root == "locked"
    standing = house.desk.await_quorum()
    assert standing.missing == needed and standing.stage == "authorising"
    for person in list(parts)[-needed:]:
        assert house.desk.root is None
        house.enter(person, parts[person])
    assert house.desk.standing().root == "open"
    assert house.desk.root is not None
    assert house.desk.root.unseal(sealed, b"context") == Secret(bytes(32))
    assert lines_of(house)[-1] == "unlocked"


def test_one_custodian_alone_is_not_enough(house: House) -> None:
    parts = house.held()
    house.reopen()
    house.desk.await_quorum()
    house.enter("ana", parts["ana"])
    with pytest.raises(Conflict, match="acted_already"):
        house.enter("ana", parts["ana"])
    with pytest.raises(PaywardenError, match="part_wrong"):
        house.enter("ben", parts["ana"])  # another's part is not one's own
    with pytest.raises(NotPermitted, match="step_unproven"):
        proof = house.proof("enter", "ben", by="ana")  # nor does a signature of another serve
        house.desk.enter(Enter("ben", proof, parts["ben"]))
    assert house.desk.root is None


def test_seats(house: House) -> None:
    for people, officer, code in (
        (["ana"], "olga", "plan_invalid"),
        (["ana", "ana"], "olga", "two_seats"),
        (["ana", "both"], "both", "two_seats"),
        (["ana", "nobody"], "olga", "not_on_roster"),
        (["ana", "fay"], "olga", "not_on_roster"),  # olga made fay a custodian
        (["ana", "otto"], "olga", "not_on_roster"),
        (["ana", "ben"], "cem", "not_on_roster"),  # a custodian is no officer
    ):
        with pytest.raises(PaywardenError, match=code):
            house.start(people=people, officer=officer)
    for needed in (1, 4):
        with pytest.raises(PaywardenError, match="plan_invalid"):
            house.start(needed=needed)
    with pytest.raises(PaywardenError, match="plan_invalid"):
        house.start(scheme="components", needed=2)
    house.start()
    with pytest.raises(NotPermitted, match="no_seat"):
        house.take("dia")
    with pytest.raises(NotPermitted, match="no_seat"):
        house.cancel("otto")
    with pytest.raises(Conflict, match="ceremony_under_way"):
        house.start()


def test_every_stage_in_its_order_and_nothing_in_force_before_the_end(house: House) -> None:
    house.start()
    parts = {"ana": house.take("ana").part}
    with pytest.raises(Conflict, match="stage_wrong"):
        house.activate()
    with pytest.raises(Conflict, match="stage_wrong"):
        house.enter("ben", parts["ana"])
    for person in ("ben", "cem"):
        parts[person] = house.take(person).part
    with pytest.raises(PaywardenError, match="part_incomplete"):
        house.take("ana")
    with pytest.raises(PaywardenError, match="part_wrong") as caught:
        house.enter("ana", parts["ben"])
    assert "place 1" in caught.value.detail
    assert not set(parts["ben"].split()) & set(str(caught.value).split())
    for person, part in parts.items():
        house.enter(person, part)
    assert not (house.folder / "root.json").exists() and house.desk.root is None
    with pytest.raises(NotPermitted, match="no_seat"):
        house.enter("ana", parts["ana"])
    assert house.desk.standing().missing == 1 and house.desk.standing().waiting == ["olga"]
    house.activate()
    assert (house.folder / "root.json").exists() and house.desk.root is not None
    with pytest.raises(Conflict, match="ceremony_ended"):
        house.activate()
    with pytest.raises(Conflict, match="root_exists"):
        house.start()


def test_mistyped_part_names_its_group_and_costs_no_attempt(house: House) -> None:
    parts = house.held()
    house.reopen()
    house.desk.await_quorum()
    groups = parts["ana"].split()
    groups[4] = ("0" if groups[4][0] != "0" else "1") + groups[4][1:]
    for _ in range(20):
        with pytest.raises(PaywardenError, match="group 5 of 18"):
            house.enter("ana", " ".join(groups))
    house.enter("ana", parts["ana"])


def test_wrong_parts_are_limited_also_over_a_restart(house: House) -> None:
    parts = house.held()
    house.reopen()
    for turn in range(10):
        house.desk.await_quorum()
        with pytest.raises(PaywardenError, match=f"{9 - turn} attempts left"):
            house.enter("ana", parts["ben"])
        house.reopen()
    house.desk.await_quorum()
    with pytest.raises(LimitExceeded, match="attempts_exceeded"):
        house.enter("ana", parts["ana"])
    house.clock.advance(3_601)  # type: ignore[attr-defined]
    house.desk.standing()
    house.enter("ana", parts["ana"])
    house.enter("ben", parts["ben"])
    assert house.desk.root is not None
    assert not (house.folder / "ceremony-attempts.json").exists()


def test_time_ends_a_session_and_forgets_it(house: House) -> None:
    house.start()
    part = house.take("ana").part
    house.clock.advance(1_801)  # type: ignore[attr-defined]
    assert house.desk.standing().stage == "expired"
    assert lines_of(house)[-1] == "expired"
    with pytest.raises(Conflict, match="ceremony_ended"):
        house.take("ben")
    assert house.held()["ana"] != part


def test_a_late_quorum_starts_again(house: House) -> None:
    parts = house.held()
    house.reopen()
    house.desk.await_quorum()
    house.enter("ana", parts["ana"])
    house.clock.advance(1_801)  # type: ignore[attr-defined]
    standing = house.desk.standing()
    assert standing.stage == "authorising" and standing.missing == 2
    house.enter("ben", parts["ben"])
    assert house.desk.root is None


def test_cancel_leaves_what_was(house: House) -> None:
    house.start()
    house.take("ana")
    assert house.cancel().stage == "cancelled"
    assert not (house.folder / "root.json").exists()
    parts = house.held()
    before = (house.folder / "root.json").read_bytes()
    house.start("rekey", people=["dia", "eli"])
    for person in ("ana", "cem"):
        house.enter(person, parts[person])
    house.take("dia")
    house.cancel()
    assert (house.folder / "root.json").read_bytes() == before


def test_rekey_keeps_the_root_and_spends_the_old_parts(house: House) -> None:
    parts = house.held()
    assert house.desk.root is not None
    sealed, check = house.desk.root.seal(bytes(32), b"c"), house.desk.standing().check
    house.start("rekey", needed=3, people=["cem", "dia", "eli"])
    for person in ("ana", "ben"):
        house.enter(person, parts[person])
    fresh = house.held()
    house.reopen()
    standing = house.desk.await_quorum()
    assert (standing.missing, standing.check) == (3, check)
    with pytest.raises(NotPermitted, match="no_seat"):
        house.enter("ana", parts["ana"])
    with pytest.raises(PaywardenError, match="part_wrong"):
        house.enter("cem", parts["cem"])  # the part of before
    for person in ("eli", "cem", "dia"):
        house.enter(person, fresh[person])
    assert house.desk.root is not None
    assert house.desk.root.unseal(sealed, b"c") == Secret(bytes(32))


def test_rotations_seal_anew_and_open_what_was_sealed_before(house: House) -> None:
    parts, sealed, checks = house.held(), [], set()
    for generation in range(1, 4):
        assert house.desk.root is not None and house.desk.root.generation == generation
        sealed.append(house.desk.root.seal(bytes([generation]) * 32, b"c"))
        checks.add(house.desk.standing().check)
        house.start("rotate")
        for person in ("ana", "ben"):
            house.enter(person, parts[person])
        parts = house.held()
    house.reopen()
    house.desk.await_quorum()
    for person in ("ana", "cem"):
        house.enter(person, parts[person])
    assert house.desk.root is not None and len(checks) == 3
    for generation, octets in enumerate(sealed, start=1):
        assert house.desk.root.unseal(octets, b"c") == Secret(bytes([generation]) * 32)


def test_no_part_and_no_key_stands_in_any_file(house: House) -> None:
    parts = house.held()
    house.reopen()
    house.desk.await_quorum()
    for person in ("ana", "ben"):
        house.enter(person, parts[person])
    assert house.desk.root is not None
    secrets = [key.expose() for key in house.desk.root._keys.values()]
    secrets += [read(Secret(text)).value.expose() for text in parts.values()]
    written = [path for path in house.folder.rglob("*") if path.is_file()]
    assert len(written) >= 5
    for path in written:
        octets = path.read_bytes()
        for secret in secrets:
            for form in (secret, secret.hex().encode(), secret.hex().upper().encode()):
                assert form not in octets, path
        text = octets.decode("latin-1").upper()
        for part in parts.values():
            assert not set(part.split()) & set(re.split(r"[^0-9A-Z]+", text)), path


def test_changed_records_open_nothing(house: House) -> None:
    parts = house.held()
    path = house.folder / "root.json"
    good = path.read_text()
    for old, new in (('"needed": 2', '"needed": 3'), ('"generation": 1', '"generation": 2'),
                     ('"scheme": "shares"', '"scheme": "shaers"')):  # fmt: skip
        assert old in good
        path.write_text(good.replace(old, new))
        house.reopen()
        with pytest.raises(PaywardenError):
            house.desk.await_quorum()
            for person in ("ana", "ben", "cem"):
                house.enter(person, parts[person])
        assert house.desk.root is None
    for broken in (b"", b"{}", b"\xff", good[:-40].encode()):
        path.write_bytes(broken)
        with pytest.raises(Corrupt, match="root_record_corrupt"):
            house.reopen()


def test_the_chain_of_a_transcript_breaks_where_it_was_touched(house: House) -> None:
    house.held()
    path = next((house.folder / "ceremonies").glob("*.jsonl"))
    transcript = Transcript(path, TRANSCRIPT_KEY, house.clock)
    good = path.read_bytes().splitlines()
    assert transcript.head == house.desk.standing().head
    assert len(read_transcript(path, transcript.public_key)) == len(good) == 9
    for bad, line in (
        ([good[0], good[2], *good[3:]], 2),
        ([good[1], good[0], *good[2:]], 1),
        ([good[0].replace(b"olga", b"otto"), *good[1:]], 1),
        ([*good[:3], good[3].replace(b'"n":3', b'"n":4'), *good[4:]], 4),
    ):
        path.write_bytes(b"\n".join(bad) + b"\n")
        with pytest.raises(Corrupt, match=f"transcript_broken.*:{line}"):
            read_transcript(path, transcript.public_key)
    path.write_bytes(b"\n".join(good) + b"\n")
    with pytest.raises(Corrupt, match="transcript_broken"):
        read_transcript(path, key_of("mallory").public_key().public_bytes_raw())


def test_recovery_tells_the_truth(house: House) -> None:
    house.start()
    house.take("ana")
    open_one = house.desk.standing().ceremony
    path = house.folder / "ceremonies" / f"{open_one}.jsonl"
    path.write_bytes(path.read_bytes() + b'{"n":2,"at')  # the crash cut a line short
    (house.folder / "root.json.new").write_bytes(b"half")
    house.reopen()
    assert recover(house.folder, TRANSCRIPT_KEY, house.clock) == [open_one]
    assert lines_of(house) == ["started", "part_taken", "interrupted"]
    assert recover(house.folder, TRANSCRIPT_KEY, house.clock) == []
    assert not (house.folder / "root.json.new").exists()
    house.held()
    done = house.folder / "ceremonies" / f"{house.desk.standing().ceremony}.jsonl"
    lines = done.read_bytes().splitlines()
    done.write_bytes(b"\n".join(lines[:-1]) + b"\n")  # killed after the file, before the line
    assert recover(house.folder, TRANSCRIPT_KEY, house.clock) == [done.stem]
    assert lines_of(house)[-2:] == ["activating", "activated"]
    (house.folder / "root.json").unlink()  # killed after `activating`, before the file
    done.write_bytes(b"\n".join(lines[:-1]) + b"\n")
    recover(house.folder, TRANSCRIPT_KEY, house.clock)
    assert lines_of(house)[-2:] == ["activating", "interrupted"]


def test_a_roster_of_another_signer_is_refused(house: House) -> None:
    path = house.folder / "roster.json"
    path.write_bytes(path.read_bytes().replace(b'"ana"', b'"eva"'))
    with pytest.raises(Corrupt, match="roster_unsigned"):
        load_roster(house.folder)


def test_a_signature_serves_once(house: House) -> None:
    house.start()
    proof = house.proof("take", "ana")
    house.desk.enter(Enter("ana", proof))
    house.cancel()
    house.start()
    with pytest.raises(NotPermitted, match="step_unproven"):
        house.desk.enter(Enter("ana", proof))
    with pytest.raises(NotPermitted, match="step_unproven"):
        house.desk.enter(Enter("ana", Proof(credential("ana"), b"\x00" * 64, b"x" * 37, b"{}")))
