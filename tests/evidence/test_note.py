"""Signed notes and keys, on the example of Go's sumdb notes; checkpoints in one form only."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from evidence_room import LOG_KEY, WITNESS_KEY

from paywarden.core.errors import Conflict, InvalidRequest, Unavailable
from paywarden.evidence.checkpoint import Checkpoint, opened, parse_checkpoint
from paywarden.evidence.cosignature import cosign, cosigned_at
from paywarden.evidence.log_key import LogKey, create_log_key, load_log_key
from paywarden.evidence.note import VerifierKey, parse_note
from paywarden.kit.clock import SystemRandomness

TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM="
)


def test_the_published_note_is_made_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(PRIVATE + "\n")
    path.chmod(0o600)
    key = load_log_key(path)
    assert key.text.expose().strip() == PRIVATE
    assert key.signer().verifier.text == PUBLIC
    assert key.signer().note(TEXT) == f"{TEXT}\n{LINE}\n"
    note = parse_note(f"{TEXT}\n{LINE}\n")
    assert note.text == TEXT and note.signed_by(VerifierKey.parse(PUBLIC))


def test_a_changed_note_is_not_signed() -> None:
    key = VerifierKey.parse(PUBLIC)
    for changed in (f"{TEXT}x\n\n{LINE}\n", f"{TEXT}\n{LINE.replace('x08g', 'x08h')}\n"):
        assert not parse_note(changed).signed_by(key)
    assert not parse_note(f"{TEXT}\n{LINE}\n").signed_by(LOG_KEY.signer().verifier)


@pytest.mark.parametrize(
    "text",
    [
        "", "no signature\n", f"{TEXT}\n{LINE}", f"{TEXT}\n— name\n", f"{TEXT}\n- a x08g\n",
        f"{TEXT}\n— a !!!!\n", f"a\x00b\n\n{LINE}\n", "x" * 70_000 + f"\n\n{LINE}\n",
        f"{TEXT}\n" + f"{LINE}\n" * 101,
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="note_malformed"):
        parse_note(text)


@pytest.mark.parametrize("text", ["", "a", "a+b+c", PUBLIC[:-4], PUBLIC.replace("c74f", "c74e")])
def test_a_damaged_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="verifier_key_invalid"):
        VerifierKey.parse(text)


def test_a_checkpoint_comes_back() -> None:
    made = Checkpoint("log.example/a", 7, bytes(range(32)), 1_795_309_323_000_001)
    assert parse_checkpoint(made.text) == made
    signed = made.signed(LOG_KEY.signer())
    assert opened(signed, LOG_KEY.signer().verifier)[0] == made
    with pytest.raises(InvalidRequest, match="checkpoint_unsigned"):
        opened(signed, WITNESS_KEY.signer().verifier)
    foreign = f"other.log/x\n7\n{base64.b64encode(bytes(32)).decode()}\nanything\n"
    assert parse_checkpoint(foreign).at_us is None


@pytest.mark.parametrize(
    "text",
    [
        "a\n7\n", "a\n07\n{root}\n", "a\n-1\n{root}\n", "a\n7 \n{root}\n", "\n7\n{root}\n",
        "a\n7\n{root}", "a\n7\n{root}x\n", "a\n7\nAAAA\n", "a\n7\n{root}\n\nx\n",
        "a\n\u0667\n{root}\n",
    ],
)  # fmt: skip
def test_other_forms_of_a_checkpoint_are_refused(text: str) -> None:
    root = base64.b64encode(bytes(32)).decode()
    with pytest.raises(InvalidRequest, match="checkpoint_malformed"):
        parse_checkpoint(text.replace("{root}", root))


def test_a_cosignature_binds_text_and_time() -> None:
    key = WITNESS_KEY.signer()
    line = cosign(TEXT, key, 1_700_000_000)
    assert cosigned_at(parse_note(f"{TEXT}\n{line}\n"), key.verifier) == 1_700_000_000
    assert cosigned_at(parse_note(f"{TEXT}more\n\n{line}\n"), key.verifier) is None
    octets = bytearray(base64.b64decode(line.split(" ")[2]))
    octets[11] ^= 1  # the last octet of the time
    later = f"— witness.example {base64.b64encode(octets).decode()}"
    assert cosigned_at(parse_note(f"{TEXT}\n{later}\n"), key.verifier) is None
    with pytest.raises(ValueError, match="cosignature"):
        cosign(TEXT, LOG_KEY.signer(), 1)


def test_a_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    made = create_log_key(path, "log.example", SystemRandomness())
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert load_log_key(path).signer().verifier == made.signer().verifier
    with pytest.raises(Conflict, match="log_key_exists"):
        create_log_key(path, "log.example", SystemRandomness())
    path.chmod(0o644)
    with pytest.raises(Unavailable, match="log_key_unsafe"):
        load_log_key(path)
    path.chmod(0o600)
    path.write_text(path.read_text().replace("log.example", "log.another"))
    with pytest.raises(Unavailable, match="damaged"):
        load_log_key(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(Unavailable, match="log_key_unsafe"):
        load_log_key(link)
    with pytest.raises(Unavailable, match="log_key_missing"):
        load_log_key(tmp_path / "none")


def test_a_key_shows_nothing_of_itself() -> None:
    assert "seed" in repr(LogKey("n", LOG_KEY.seed)) and "<secret>" in repr(LOG_KEY)
