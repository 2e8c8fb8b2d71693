"""A model as it is kept: a folder of text files, named by its content and signed.

    md_<32 hex>/model.txt       the trees, as LightGBM writes them; or
    md_<32 hex>/model.onnx      a model from elsewhere (`onnx_checks.py`); or neither
    md_<32 hex>/anomaly.txt     trees of the score without labels, where there is one
    md_<32 hex>/model.json      inputs as text, categories, calibration, thresholds, reference
    md_<32 hex>/card.json       the model card, for machines
    md_<32 hex>/card.md         the model card, for people
    md_<32 hex>/manifest.note   digests of them all, signed (C2SP signed-note, Ed25519)

Guards: text, or checked ONNX; never pickle. The name is the digest of the manifest, the manifest
holds the digest of every file and stands under the signature of a trusted key: whoever changes an
octet has a folder that is refused. Order of reading: name, manifest, signature, digests, content,
version of the inputs. A model whose inputs are computed otherwise than it was trained on is
refused.
The folder appears whole or not at all. Not done here: scores (`scorer.py`), promotion.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from paywarden.core.errors import Corrupt, InvalidRequest, NotFound
from paywarden.evidence.note import SigningKey, VerifierKey, parse_note
from paywarden.risk.scoring.anomaly import Anomaly, read_anomaly
from paywarden.risk.scoring.calibration import Calibration, read_calibration
from paywarden.risk.scoring.onnx_body import OnnxBody, read_body
from paywarden.risk.scoring.recipe import Input, version_of

FORMAT = "paywarden-model/v1"
ENGINE = 1
"""Raised when the same text of an input comes to other numbers than before."""
ALWAYS = ("card.json", "card.md", "model.json")
TREES, ONNX, ANOMALY = "model.txt", "model.onnx", "anomaly.txt"
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

    `base_currency`: currency of the amounts that it was trained on. `trees_text` is empty where an
    `onnx` stands in its place, or where there is only an `anomaly`: then there is no probability,
    and neither calibration nor thresholds.
    """

    trees_text: str
    trees: int
    inputs: tuple[Input, ...]
    categories: Mapping[str, Mapping[str, float]]
    calibration: Calibration | None
    operating: Operating | None
    base_currency: str
    reference: Mapping[str, Any]
    engine: int = ENGINE
    onnx: OnnxBody | None = None
    anomaly: Anomaly | None = None

    @property
    def version(self) -> str:
        """Version of the inputs and of the engine that computes them."""
        return f"{version_of(self.inputs)}.{self.engine}"

    @property
    def kind(self) -> str:
        """What scores: trees, onnx or anomaly."""
        if self.onnx is not None:
            return "onnx"
        return "trees" if self.trees_text else "anomaly"


def write_artefact(
    folder: Path, artefact: Artefact, card: Mapping[str, Any], words: str, signer: SigningKey
) -> str:
    """Write under `folder` and answer the name; a folder of that name is kept as it is."""
    contents = {
        "card.json": msgspec.json.format(msgspec.json.encode(card, order="sorted"), indent=1),
        "card.md": words.encode(),
        "model.json": msgspec.json.encode(_document(artefact), order="sorted"),
    }
    if artefact.onnx is not None:
        contents[ONNX] = artefact.onnx.content
    if artefact.trees_text:
        contents[TREES] = artefact.trees_text.encode()
    if artefact.anomaly is not None:
        contents[ANOMALY] = artefact.anomaly.trees_text.encode()
    text = _manifest(contents)
    name = "md_" + hashlib.sha256(text.encode()).hexdigest()[:32]
    contents[MANIFEST] = signer.note(text).encode()
    _place(folder, name, contents)
    return name


def _manifest(contents: Mapping[str, bytes]) -> str:
    lines = [f"{hashlib.sha256(contents[name]).hexdigest()} {name}\n" for name in sorted(contents)]
    return "".join([f"{FORMAT}\n", *lines])


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
        operating, calibration = document["operating"], document["calibration"]
        artefact = Artefact(
            contents.get(TREES, b"").decode(),
            int(document["trees"]),
            inputs,
            {str(name): dict(codes) for name, codes in document["categories"].items()},
            None if calibration is None else read_calibration(calibration),
            None if operating is None else Operating(**{k: float(v) for k, v in operating.items()}),
            str(document["base_currency"]),
            document["reference"],
            int(document["engine"]),
            read_body(document["onnx"], contents[ONNX]) if ONNX in contents else None,
            read_anomaly(document["anomaly"], contents[ANOMALY].decode())
            if ANOMALY in contents
            else None,
        )
        stated = document["version"]
    except (KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise InvalidRequest("model_invalid", "model.json is damaged") from error
    _whole(artefact)
    if artefact.engine != ENGINE or stated != artefact.version:
        detail = "its inputs are computed otherwise by this program; train it again"
        raise InvalidRequest("model_version", detail, pointer=folder.name)
    return artefact


def _whole(artefact: Artefact) -> None:
    """One thing that scores at most, with what belongs to it. Errors: InvalidRequest."""
    scored = bool(artefact.trees_text) + (artefact.onnx is not None)
    belongs = artefact.calibration is not None and artefact.operating is not None
    if scored > 1 or bool(scored) != belongs or not (scored or artefact.anomaly):
        raise InvalidRequest("model_invalid", "model.json does not fit the files beside it")


def _verified(folder: Path, trusted: Sequence[VerifierKey]) -> dict[str, bytes]:
    contents = {name: _content(folder, name) for name in (*ALWAYS, MANIFEST)}
    for name in (TREES, ONNX, ANOMALY):
        if (folder / name).exists():
            contents[name] = _content(folder, name)
    try:
        note = parse_note(contents.pop(MANIFEST).decode())
    except (InvalidRequest, UnicodeDecodeError) as error:
        raise _tampered(folder, "its manifest is no signed note") from error
    name = "md_" + hashlib.sha256(note.text.encode()).hexdigest()[:32]
    if not any(note.signed_by(key) for key in trusted):
        detail = "no trusted key signed it; name the key of who trained it"
        raise Corrupt("model_untrusted", detail, pointer=folder.name)
    listed = {line.partition(" ")[2] for line in note.text.splitlines()[1:]}
    if gone := sorted(listed - contents.keys()):
        raise NotFound("model_missing", f"there is no {gone[0]}", pointer=str(folder))
    if name != folder.name or note.text != _manifest(contents):
        raise _tampered(folder, "its files are not those that were signed")
    return contents


def _content(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if path.is_symlink() or path.stat().st_size > MAX_FILE:
            raise _tampered(folder, f"{name} is a link or too large")
        return path.read_bytes()
    except OSError as error:
        raise NotFound("model_missing", f"there is no {name}", pointer=str(folder)) from error


def _document(artefact: Artefact) -> dict[str, Any]:
    operating, calibration = artefact.operating, artefact.calibration
    return {
        "version": artefact.version,
        "engine": artefact.engine,
        "inputs": [[one.name, one.text, one.reason, one.direction] for one in artefact.inputs],
        "categories": artefact.categories,
        "calibration": calibration.document() if calibration is not None else None,
        "operating": asdict(operating) if operating is not None else None,
        "trees": artefact.trees,
        "base_currency": artefact.base_currency,
        "reference": artefact.reference,
        "onnx": artefact.onnx.document() if artefact.onnx is not None else None,
        "anomaly": artefact.anomaly.document() if artefact.anomaly is not None else None,
    }


def _tampered(folder: Path, why: str) -> Corrupt:
    return Corrupt("model_tampered", why, pointer=folder.name)
