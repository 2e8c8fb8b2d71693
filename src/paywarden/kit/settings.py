"""Settings: one frozen object per process, parsed once from TOML and the environment.

Guards: an unknown key refuses to start and names the nearest known one; a wrong type names the
key; nothing falls back silently. Order: file, then `PAYWARDEN_<SECTION>__<KEY>` variables, which
win. Secrets never stand here: they are files that a setting names (PCI DSS 4.0.1, 8.6.2).
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from paywarden.core.errors import InvalidRequest

S = TypeVar("S", bound=msgspec.Struct)
ENV_PREFIX = "PAYWARDEN_"


def parse_settings(kind: type[S], text: str, environ: Mapping[str, str], file: str) -> S:
    """Settings of `kind` (a struct of sections) from TOML `text`; InvalidRequest names the key."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequest("settings_unparsable", str(error), pointer=file) from None
    sections = {field.name: field.type for field in msgspec.structs.fields(kind)}
    _refuse_unknown(tree, sections, file)
    _overlay(tree, sections, environ)
    try:
        return msgspec.convert(tree, kind, strict=True)
    except msgspec.ValidationError as error:
        raise InvalidRequest("settings_invalid", _plain(str(error)), pointer=file) from None


def _refuse_unknown(tree: Mapping[str, Any], sections: Mapping[str, Any], file: str) -> None:
    for name, content in tree.items():
        if name not in sections:
            raise _unknown(name, sections, file)
        if not isinstance(content, dict):
            raise InvalidRequest("settings_invalid", f"[{name}] must be a table", pointer=file)
        known = [field.name for field in msgspec.structs.fields(sections[name])]
        for key in content:
            if key not in known:
                raise _unknown(f"{name}.{key}", [f"{name}.{k}" for k in known], file)


def _unknown(name: str, known: Any, file: str) -> InvalidRequest:
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return InvalidRequest("settings_unknown_key", f"unknown setting {name}{hint}", pointer=file)


def _overlay(tree: dict[str, Any], sections: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    for section, struct in sections.items():
        for field in msgspec.structs.fields(struct):
            variable = f"{ENV_PREFIX}{section}__{field.name}".upper()
            if variable in environ:
                tree.setdefault(section, {})[field.name] = _typed(
                    environ[variable], field.type, variable
                )


def _typed(text: str, kind: Any, variable: str) -> Any:
    try:
        if text.startswith("["):  # a list, written as in JSON and TOML
            return msgspec.json.decode(text.encode(), type=kind)
        return msgspec.convert(text, kind, strict=False)
    except msgspec.DecodeError as error:  # of values, too
        raise InvalidRequest("settings_invalid", _plain(str(error)), pointer=variable) from None


def _plain(message: str) -> str:
    return message.replace("`$.", "`")
