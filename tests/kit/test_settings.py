"""Settings: unknown keys refuse to start, variables win, faults name their place."""

from __future__ import annotations

import msgspec
import pytest

from paywarden.core.errors import InvalidRequest
from paywarden.kit.settings import parse_settings


class Server(msgspec.Struct, frozen=True):
    host: str = "127.0.0.1"
    port: int = 8080
    strict: bool = False


class Limits(msgspec.Struct, frozen=True):
    ratio: float = 0.5


class Settings(msgspec.Struct, frozen=True):
    server: Server = Server()
    limits: Limits = Limits()


def parse(text: str = "", **environ: str) -> Settings:
    return parse_settings(Settings, text, environ, "paywarden.toml")


def fault(text: str = "", **environ: str) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parse(text, **environ)
    return caught.value


def test_defaults_hold_when_nothing_is_said() -> None:
    assert parse() == Settings()


def test_file_then_variables() -> None:
    text = "[server]\nport = 9000\nhost = '::1'\n"
    assert parse(text).server == Server("::1", 9000)
    changed = parse(text, PAYWARDEN_SERVER__PORT="9100", PAYWARDEN_LIMITS__RATIO="0.25")
    assert (changed.server.port, changed.server.host, changed.limits.ratio) == (9100, "::1", 0.25)
    assert parse("", PAYWARDEN_SERVER__STRICT="true").server.strict is True


@pytest.mark.parametrize(
    ("text", "name", "near"),
    [
        ("[server]\nprot = 1\n", "server.prot", "server.port"),
        ("[sever]\nport = 1\n", "sever", "server"),
        ("[limits]\nratios = 1\n", "limits.ratios", "limits.ratio"),
    ],
)
def test_unknown_keys_name_the_nearest(text: str, name: str, near: str) -> None:
    refusal = fault(text)
    assert refusal.code == "settings_unknown_key"
    assert refusal.detail == f"unknown setting {name}; did you mean {near}?"
    assert refusal.pointer == "paywarden.toml"


@pytest.mark.parametrize("text", ["[server]\nport = '80'\n", "[server]\nport = 1.5\n"])
def test_wrong_types_name_the_key(text: str) -> None:
    refusal = fault(text)
    assert refusal.code == "settings_invalid"
    assert "server.port" in refusal.detail


def test_wrong_variables_name_the_variable() -> None:
    assert fault(PAYWARDEN_SERVER__PORT="many").pointer == "PAYWARDEN_SERVER__PORT"


def test_a_section_must_be_a_table() -> None:
    assert fault("server = 3\n").code == "settings_invalid"


def test_broken_toml_says_where() -> None:
    refusal = fault("[server\n")
    assert refusal.code == "settings_unparsable"
    assert "line 1" in refusal.detail
