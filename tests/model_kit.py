"""A small signed model, for tests of serving."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np

from paywarden.core.secret import Secret
from paywarden.evidence.note import SigningKey
from paywarden.risk.scoring.anomaly import fit_anomaly
from paywarden.risk.scoring.artefact import Artefact, Operating, write_artefact
from paywarden.risk.scoring.calibration import Calibration
from paywarden.risk.scoring.recipe import Input

SIGNER = SigningKey("paywarden-models", Secret(b"m" * 32), 1)
INPUTS = (
    Input("amount", "payment.amount_minor", "UNUSUAL_AMOUNT"),
    Input("device_day", 'count(device, "1d")', "MANY_PAYMENTS"),
    Input("payer_month", 'sum(payer, payment.amount_minor, "30d")', "UNUSUAL_AMOUNT"),
)


def trees(seed: int) -> str:
    """A small model: large amounts are fraud, more so on busy devices."""
    chance = np.random.default_rng(seed)
    rows = np.column_stack([chance.integers(0, 500_000, 4_000), chance.integers(1, 9, 4_000),
                            chance.integers(0, 10**6, 4_000)]).astype(np.float32)  # fmt: skip
    fraud = rows[:, 0] + 20_000 * rows[:, 1] + chance.normal(0, 20_000, 4_000) > 300_000
    data = lightgbm.Dataset(rows, fraud.astype(int), feature_name=[one.name for one in INPUTS])
    settings = {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 1,
                "deterministic": True, "seed": seed}  # fmt: skip
    return lightgbm.train(settings, data, 20).model_to_string()


def place_model(home: Path, seed: int = 1, *, trust: bool = True) -> str:
    """Write a model into a home; its name."""
    plain = Calibration(1.0, "platt", (-8.0, 8.0), (0.001, 0.999))
    artefact = Artefact(trees(seed), 20, INPUTS, {}, plain, Operating(0.5, 0.95, 0.01), "EUR", {})
    name = write_artefact(home / "models", artefact, {"purpose": "tests"}, "# Card\n", SIGNER)
    if trust:
        (home / "keys" / "models.trust").write_text("# ours\n" + SIGNER.verifier.text + "\n")
    return name


def place_anomaly(home: Path) -> str:
    """Write and trust a model that only says how unlike payments are; its name."""
    chance = np.random.default_rng(5)
    rows = np.ones((2_000, len(INPUTS)), np.float32)
    rows[:, 0] = chance.exponential(3_000, 2_000)
    names = [one.name for one in INPUTS]
    anomaly = fit_anomaly(rows, names, np.array([True, False, False]), rows)
    artefact = Artefact("", 0, INPUTS, {}, None, None, "EUR", {}, anomaly=anomaly)
    name = write_artefact(home / "models", artefact, {"purpose": "tests"}, "# Card\n", SIGNER)
    (home / "keys" / "models.trust").write_text(SIGNER.verifier.text + "\n")
    return name
