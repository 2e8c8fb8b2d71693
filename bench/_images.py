"""How long a start takes to have a companion from the image in a checkpoint, and its size."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np

from paywarden.core.secret import Secret
from paywarden.decision.checkpoint_file import SectionsFile, write_file
from paywarden.decision.companions import Companion

KEY = Secret(bytes(32))


def taken_up(store: Companion, fresh: Companion) -> dict[str, float]:
    """Write the image of one store, let a fresh one resume from it (checked): MiB and seconds."""
    image = store.image()
    named = [(str(place), array) for place, array in enumerate(image)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        size = write_file(path, b"", named, KEY)
        began = time.perf_counter()
        with contextlib.closing(SectionsFile(path, KEY)) as file:
            into = tuple(np.empty(array.shape, array.dtype) for array in image)
            file.read([(str(place), array) for place, array in enumerate(into)])
        fresh.resume(into)
        took = time.perf_counter() - began
    return {"image_MiB": round(size / (1 << 20), 1), "image_taken_up_s": round(took, 3)}
