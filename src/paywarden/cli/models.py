"""`paywarden models add FILE.onnx --map MAP.yaml --out DIR`: sign a model from elsewhere.

Guards: what comes out is a model folder like those of `train`; it serves once its key is trusted
and a roll-out brought it there. Standard output carries the answer and nothing else.
Not done here: checks and the map (`paywarden.lab.training.onnx_import`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from paywarden.cli import output
from paywarden.cli.train import key_path, signer_of
from paywarden.kit.clock import SystemRandomness
from paywarden.lab.results import write_text
from paywarden.lab.training.onnx_import import import_onnx


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `models`."""
    parser.add_argument("act", choices=("add",))
    parser.add_argument("file", type=Path, metavar="FILE.onnx")
    parser.add_argument("--map", type=Path, required=True, metavar="MAP.yaml", dest="mapping")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of models")
    parser.add_argument("--key", type=Path, metavar="FILE", help="signing key, made if absent")


def run(arguments: argparse.Namespace) -> int:
    """Check, sign and print. Errors: PaywardenError, for the caller to tell."""
    signer = signer_of(key_path(arguments), SystemRandomness())
    made = import_onnx(arguments.file, arguments.mapping, arguments.out, signer)
    write_text(arguments.out / "model.pub", signer.verifier.text + "\n")
    words = f"{made['model']}: {made['inputs']} inputs, in {made['folder']}"
    output.answer(arguments, made, f"{words}\nsigned by {made['verifier']}")
    return output.DONE
