"""Signatures: the reference verifiers of Standard Webhooks accept ours and refuse tampered ones."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.kit.webhooks import signatures
from paywarden.kit.webhooks.model import SecretKind, SigningSecret

NODE = Path(__file__).parent / "webhooks_node"
OLD = SigningSecret(SecretKind.HMAC, Secret(b"o" * 32), 0)
NEW = SigningSecret(SecretKind.HMAC, Secret(bytes(range(64))), 0)
PAIR = SigningSecret(SecretKind.ED25519, Secret(b"s" * 32), 0)


def now() -> int:
    return int(time.time())


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=5))
def test_the_python_reference_accepts_every_live_secret(data: dict[str, str]) -> None:
    body = json.dumps(data).encode()
    headers = signatures.headers("msg_a", now(), body, [NEW, OLD, PAIR])
    for secret in (OLD, NEW):
        assert Webhook(signatures.shown_once(secret)).verify(body, headers) == data


def test_the_python_reference_refuses_what_was_changed() -> None:
    body = b'{"a":1}'
    headers = signatures.headers("msg_a", now(), body, [OLD])
    verifier = Webhook(signatures.shown_once(OLD))
    changed = [
        (b'{"a":2}', headers),
        (body, headers | {"webhook-id": "msg_b"}),
        (body, headers | {"webhook-timestamp": str(now() - 1)}),
        (body, signatures.headers("msg_a", now() - 600, body, [OLD])),
        (body, signatures.headers("msg_a", now(), body, [NEW])),
        (body, headers | {"webhook-signature": "v1," + base64.b64encode(b"x" * 32).decode()}),
    ]
    for octets, sent in changed:
        with pytest.raises(WebhookVerificationError):
            verifier.verify(octets, sent)


def test_the_node_reference_agrees() -> None:
    node, library = shutil.which("node"), NODE / "node_modules" / "standardwebhooks"
    if node is None or not library.is_dir():
        pytest.skip("node or the reference library is absent: npm ci in tests/kit/webhooks_node")
    body, cases = '{"a":"ü"}', []
    good = signatures.headers("msg_a", now(), body.encode(), [NEW, PAIR, OLD])
    for secret, headers, text in [
        (OLD, good, body),
        (NEW, good, body),
        (OLD, good, body + " "),
        (OLD, good | {"webhook-id": "msg_b"}, body),
        (OLD, signatures.headers("msg_a", now(), body.encode(), [NEW]), body),
    ]:
        shown = signatures.shown_once(secret)
        cases.append(json.dumps({"secret": shown, "headers": headers, "body": text}))
    done = subprocess.run(
        [node, str(NODE / "verify.cjs")], input="\n".join(cases), capture_output=True, text=True,
        timeout=60, check=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.stdout.split() == ["true", "true", "false", "false", "false"]


def test_the_asymmetric_form_verifies_with_the_public_key_alone() -> None:
    body = b'{"a":1}'
    headers = signatures.headers("msg_a", 1_700_000_000, body, [PAIR])
    version, _, signature = headers["webhook-signature"].partition(",")
    shown = signatures.shown_once(PAIR)
    assert version == "v1a"
    assert shown.startswith("whpk_")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(shown[5:]))
    key.verify(base64.b64decode(signature), b"msg_a.1700000000." + body)


def test_the_example_of_the_specification_form() -> None:
    """A signature computed by hand with the standard library alone."""
    import hashlib
    import hmac

    headers = signatures.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 1}', [OLD])
    signed = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 1}'
    wanted = base64.b64encode(hmac.new(b"o" * 32, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == "v1," + wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "whsec_", "whsec_!!!!", "plain", "whpk_" + "A" * 44,
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsk_" + base64.b64encode(b"x" * 31).decode(),
    ],
)  # fmt: skip
def test_bad_secrets_are_refused_without_being_told(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        signatures.given_secret(Secret(text), 0)
    assert refused.value.code == "webhook_secret_invalid"
    assert len(text) < 8 or text not in str(refused.value)


def test_given_secrets_are_taken() -> None:
    for prefix, octets, kind in (
        ("whsec_", b"x" * 24, SecretKind.HMAC),
        ("whsec_", b"x" * 64, SecretKind.HMAC),
        ("whsk_", b"x" * 32, SecretKind.ED25519),
    ):
        text = prefix + base64.b64encode(octets).decode()
        found = signatures.given_secret(Secret(text), 7)
        assert (found.kind, found.octets.expose(), found.created_at_us) == (kind, octets, 7)
