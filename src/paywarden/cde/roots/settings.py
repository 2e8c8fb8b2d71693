"""Settings of roots outside this process: `<home>/cde/keys/root.toml`.

    [pkcs11]   module, token, label, pin_file
    [transit]  host, port, authority, pins, key, mount, token_file
    [cloud]    host, port, authority, pins, region, key_id, credentials_file

Guards: unknown keys refuse to start; secrets stand in files of their own, never here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from paywarden.cde.keys.root import Root
from paywarden.cde.roots.cloud import CloudRoot
from paywarden.cde.roots.pinned_https import PinnedService
from paywarden.cde.roots.pkcs11 import ModuleKey, Pkcs11Root
from paywarden.cde.roots.transit import TransitRoot, read_private_text
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import InvalidRequest
from paywarden.kit.settings import parse_settings

FILE: Final = "root.toml"
Port = Annotated[int, Meta(ge=1, le=65_535)]


class ModuleSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[pkcs11]: a hardware module."""

    module: str = ""
    token: str = ""
    label: str = ""
    pin_file: str = "root.pin"


class TransitSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[transit]: OpenBao or Vault."""

    host: str = ""
    port: Port = 8_200
    authority: str = "root-authority.pem"
    pins: list[str] = []
    key: str = ""
    mount: str = "transit"
    token_file: str = "root.token"  # noqa: S105 - a name


class CloudSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[cloud]: a key service in AWS's form."""

    host: str = ""
    port: Port = 443
    authority: str = "root-authority.pem"
    pins: list[str] = []
    region: str = ""
    key_id: str = ""
    credentials_file: str = "root.credentials"


class RootSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them; the section of the root's kind is used."""

    pkcs11: ModuleSection = ModuleSection()
    transit: TransitSection = TransitSection()
    cloud: CloudSection = CloudSection()


def read_root_settings(folder: Path) -> RootSettings:
    """Settings of the folder. Errors: InvalidRequest naming the key."""
    path = folder / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return parse_settings(RootSettings, text, {}, FILE)


def outside_root(
    kind: str, folder: Path, clock: Clock, randomness: Randomness, *, create: bool = False
) -> Root:
    """The root of kind `pkcs11`, `transit` or `cloud`. Errors: InvalidRequest, Unavailable."""
    settings = read_root_settings(folder)
    if kind == "pkcs11":
        one = settings.pkcs11
        _given(kind, one.module, one.token, one.label)
        pin = read_private_text(folder / one.pin_file)
        return Pkcs11Root(ModuleKey(one.module, one.token, one.label, pin, create), randomness)
    if kind == "transit":
        two = settings.transit
        _given(kind, two.host, two.key)
        service = PinnedService(two.host, two.port, folder / two.authority, _pins(two.pins))
        return TransitRoot(service, two.key, folder / two.token_file, mount=two.mount)
    if kind == "cloud":
        three = settings.cloud
        _given(kind, three.host, three.region, three.key_id)
        service = PinnedService(three.host, three.port, folder / three.authority, _pins(three.pins))
        credentials = folder / three.credentials_file
        return CloudRoot(service, three.region, three.key_id, credentials, clock)
    raise InvalidRequest("root_unknown", f"there is no root of kind {kind[:32]!r}")


def _given(kind: str, *values: str) -> None:
    if not all(values):
        detail = f"section [{kind}] lacks a value; see docs/operate/key-ceremony.md"
        raise InvalidRequest("root_settings", detail, pointer=FILE)


def _pins(texts: list[str]) -> frozenset[bytes]:
    try:
        pins = frozenset(bytes.fromhex(text) for text in texts)
    except ValueError:
        pins = frozenset()
    if not pins or any(len(one) != 32 for one in pins):
        detail = "pins are SHA-256 digests of public keys, 64 hexadecimal digits each, one at least"
        raise InvalidRequest("root_settings", detail, pointer=FILE)
    return pins
