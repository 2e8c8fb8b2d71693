"""Secret: no way of printing, storing or copying shows what is inside."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import pprint
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback

from paywarden.core.secret import Secret

CANARY = "canary-4111-do-not-print"
SECRETS = [Secret(CANARY), Secret(CANARY.encode())]


@dataclasses.dataclass
class Envelope:
    held: Secret[str]


@pytest.mark.parametrize("secret", SECRETS)
def test_every_way_of_printing_gives_the_mask(secret: Secret[str]) -> None:
    printed = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r}",
        f"{secret!s:>20}",
        f"{secret:>40}",
        format(secret, "x"),
        "%s %r" % (secret, secret),  # noqa: UP031 - the old way must not leak either
        "{0} {0!r} {0:^30}".format(secret),  # noqa: UP032
        repr([secret, {"k": secret}, (secret,)]),
        repr(Envelope(secret)),
        pprint.pformat({"k": [secret]}),
    ]
    for text in printed:
        assert "<secret>" in text
        assert "canary" not in text


@pytest.mark.parametrize("secret", SECRETS)
def test_no_encoder_takes_it(secret: Secret[str]) -> None:
    attempts = [
        lambda: json.dumps(secret),
        lambda: json.dumps({"k": secret}),
        lambda: msgspec.json.encode(secret),
        lambda: msgspec.msgpack.encode([secret]),
        lambda: copy.copy(secret),
        lambda: copy.deepcopy([secret]),
        lambda: dataclasses.asdict(Envelope(secret)),
        lambda: hash(secret),
        lambda: {secret: 1},
        lambda: bytes(secret),  # type: ignore[call-overload]
        lambda: list(secret),  # type: ignore[call-overload]
        lambda: secret + secret,  # type: ignore[operator]
        lambda: secret < secret,  # type: ignore[operator]
    ]
    attempts += [
        lambda protocol=protocol: pickle.dumps(secret, protocol)  # type: ignore[misc]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]
    for attempt in attempts:
        with pytest.raises(TypeError) as caught:
            attempt()
        assert "canary" not in str(caught.value)


def test_it_has_no_dictionary_to_look_into() -> None:
    with pytest.raises(TypeError):
        vars(Secret("x"))
    assert not hasattr(Secret("x"), "__dict__")


def _fail(secret: Secret[str]) -> None:
    raise RuntimeError(f"the call with {secret} failed")


def test_tracebacks_with_locals_show_the_mask() -> None:
    try:
        _fail(Secret(CANARY))
    except RuntimeError as error:
        plain = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
        console = Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: SIM115
        with console.file:
            console.print(
                Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True)
            )
        pretty = console.export_text()
    for text in (plain, pretty):
        assert "secret = <secret>" in text
        assert CANARY not in text.replace("CANARY", "")


def test_logging_shows_the_mask(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("secret").error("key=%s other=%r", *SECRETS)
    assert caplog.messages == ["key=<secret> other=<secret>"]


@given(st.one_of(st.text(), st.binary()))
def test_expose_gives_back_what_went_in(value: str | bytes) -> None:
    assert Secret(value).expose() == value


@given(st.text(), st.text())
def test_equality_of_text(one: str, two: str) -> None:
    assert (Secret(one) == Secret(two)) == (one == two)


@given(st.binary(), st.binary())
def test_equality_of_bytes(one: bytes, two: bytes) -> None:
    assert (Secret(one) == Secret(two)) == (one == two)


def test_equality_with_a_plain_value_is_never_true() -> None:
    assert Secret("a") != "a"
    assert Secret(b"a") != b"a"


def test_comparing_text_that_no_encoding_holds_says_nothing() -> None:
    assert Secret("\ud800" + CANARY) == Secret("\ud800" + CANARY)
    assert Secret("\ud800") != Secret("?")


def test_a_wrong_type_is_refused_without_showing_it() -> None:
    odd = Secret(4111)  # type: ignore[type-var]
    with pytest.raises(TypeError) as caught:
        odd == Secret("a")  # noqa: B015 - the comparison itself is under test
    assert "4111" not in str(caught.value)
