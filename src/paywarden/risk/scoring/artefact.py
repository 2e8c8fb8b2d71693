"""A model as it is kept: a folder of text files, named by its content and signed.

    md_<32 hex>/model.txt       the trees, as LightGBM writes them
    md_<32 hex>/model.json      inputs as text, categories, calibration, thresholds, reference
    md_<32 hex>/card.json       the model card, for machines
    md_<32 hex>/card.md         the model card, for people
    md_<32 hex>/manifest.note   digests of all four, signed (C2SP signed-note, Ed25519)

Guards: text only, never pickle. The name is the digest of the manifest, the manifest holds the
digest of every file and stands under the signature of a trusted key: whoever changes an octet has a
folder that is refused. Order of reading: name, manifest, signature, digests, content, version of
the inputs. A model whose inputs are computed otherwise than it was trained on is refused.
The folder appears whole or not at all. Not done here: scores (`scorer.py`), promotion.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from paywarden.core.errors import Corrupt, InvalidRequest, NotFound
from paywarden.evidence.note import SigningKey, VerifierKey, parse_note
from paywarden.risk.scoring.calibration import Calibration, read_calibration
from paywarden.risk.scoring.recipe import Input, version_of

FORMAT = "paywarden-model/v1"
ENGINE = 1
"""Raised when the same text of an input comes to other numbers than before."""
FILES = ("card.json", "card.md", "model.json", "model.txt")
MANIFEST = "manifest.note"
MAX_FILE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Operating:
    """Frozen thresholds on the calibrated probability; `budget`: share of genuine challenged."""

    challenge: float
    block: float
    budget: float


@dataclass(frozen=True, slots=True)
class Artefact:
    """A model with all that is needed to serve it. `reference`: see `drift.py`.

    `base_currency`: currency of the amounts that it was trained on.
    """

    trees_text: str
    trees: int
    inputs: tuple[Input, ...]
    categories: Mapping[str, Mapping[str, float]]
    calibration: Calibration
    operating: Operating
    base_currency: str
    reference: Mapping[str, Any]
    engine: int = ENGINE

    @property
    def version(self) -> str:
        """Version of the inputs and of the engine that computes them."""
        return f"{version_of(self.inputs)}.{self.engine}"


def write_artefact(
    folder: Path, artefact: Artefact, card: Mapping[str, Any], words: str, signer: SigningKey
) -> str:
    """Write under `folder` and answer the name; a folder of that name is kept as it is."""
    contents = {
        "card.json": msgspec.json.format(msgspec.json.encode(card, order="sorted"), indent=1),
        "card.md": words.encode(),
        "model.json": msgspec.json.encode(_document(artefact), order="sorted"),
        "model.txt": artefact.trees_text.encode(),
    }
    lines = [f"{hashlib.sha256(contents[name]).hexdigest()} {name}\n" for name in FILES]
    text = "".join([f"{FORMAT}\n", *lines])
    name = "md_" + hashlib.sha256(text.encode()).hexdigest()[:32]
    contents[MANIFEST] = signer.note(text).encode()
    _place(folder, name, contents)
    return name


def _place(folder: Path, name: str, contents: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    final, draft = folder / name, folder / f".{name}.{os.getpid()}.part"
    if final.exists():
        return
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        for file, content in contents.items():
            with (draft / file).open("wb") as written:
                written.write(content)
                written.flush()
                os.fsync(written.fileno())
        draft.rename(final)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if final.exists():  # another run made the same model meanwhile
            return
        detail = "the model cannot be written there"
        raise InvalidRequest("model_unwritable", detail, pointer=str(folder)) from error
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_artefact(folder: Path, trusted: Sequence[VerifierKey]) -> Artefact:
    """Read and check a model. Errors: NotFound `model_missing`; Corrupt `model_tampered`,
    `model_untrusted`; InvalidRequest `model_version` and those of its parts."""
    contents = _verified(folder, trusted)
    try:
        document = msgspec.json.decode(contents["model.json"], type=dict[str, Any])
        inputs = tuple(Input(str(n), str(t), str(r), int(d)) for n, t, r, d in document["inputs"])
        operating = Operating(**{k: float(v) for k, v in document["operating"].items()})
        artefact = Artefact(
            contents["model.txt"].decode(),
            int(document["trees"]),
            inputs,
            {str(name): dict(codes) for name, codes in document["categories"].items()},
            read_calibration(document["calibration"]),
            operating,
            str(document["base_currency"]),
            document["reference"],
            int(document["engine"]),
        )
        stated = document["version"]
    except (KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise InvalidRequest("model_invalid", "model.json is damaged") from error
    if artefact.engine != ENGINE or stated != artefact.version:
        detail = "its inputs are computed otherwise by this program; train it again"
        raise InvalidRequest("model_version", detail, pointer=folder.name)
    return artefact


def _verified(folder: Path, trusted: Sequence[VerifierKey]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    for name in (*FILES, MANIFEST):
        path = folder / name
        try:
            if path.is_symlink() or path.stat().st_size > MAX_FILE:
                raise _tampered(folder, f"{name} is a link or too large")
            contents[name] = path.read_bytes()
        except OSError as error:
            raise NotFound("model_missing", f"there is no {name}", pointer=str(folder)) from error
    try:
        note = parse_note(contents[MANIFEST].decode())
    except (InvalidRequest, UnicodeDecodeError) as error:
        raise _tampered(folder, "its manifest is no signed note") from error
    name = "md_" + hashlib.sha256(note.text.encode()).hexdigest()[:32]
    if not any(note.signed_by(key) for key in trusted):
        detail = "no trusted key signed it; name the key of who trained it"
        raise Corrupt("model_untrusted", detail, pointer=folder.name)
    lines = [f"{hashlib.sha256(contents[file]).hexdigest()} {file}\n" for file in FILES]
    if name != folder.name or note.text != "".join([f"{FORMAT}\n", *lines]):
        raise _tampered(folder, "its files are not those that were signed")
    return contents


def _document(artefact: Artefact) -> dict[str, Any]:
    operating = artefact.operating
    return {
        "version": artefact.version,
        "engine": artefact.engine,
        "inputs": [[one.name, one.text, one.reason, one.direction] for one in artefact.inputs],
        "categories": artefact.categories,
        "calibration": artefact.calibration.document(),
        "operating": {
            "challenge": operating.challenge,
            "block": operating.block,
            "budget": operating.budget,
        },
        "trees": artefact.trees,
        "base_currency": artefact.base_currency,
        "reference": artefact.reference,
    }


def _tampered(folder: Path, why: str) -> Corrupt:
    return Corrupt("model_tampered", why, pointer=folder.name)
