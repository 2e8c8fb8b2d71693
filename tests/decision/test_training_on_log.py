"""Training from the log: inputs equal those that the live model read, labels only as they came."""

from __future__ import annotations

import json
import random
import sys
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decision_room import DAY, Room, opened
from test_model_serving import serve
from test_replay import drawn, traffic

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from model_kit import INPUTS, SIGNER, place_model
from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.core.instants import DAY_US
from paywarden.entrypoints.train import history_of
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN
from paywarden.lab.training.fitting import Settings
from paywarden.lab.training.log_history import LogHistory
from paywarden.lab.training.training import TrainingOptions, train_history
from paywarden.risk.scoring.artefact import read_artefact
from paywarden.risk.scoring.recipe import Input


def _quiet(*_: Any) -> None:
    return None


def history(room: Room, delay_us: int = DAY_US) -> LogHistory:
    now_us = room.clock.now_us()
    return history_of(room.installation, "live", "live", RECIPE, delay_us, now_us, _quiet)


async def test_a_log_gives_the_inputs_that_the_live_model_read(home: Path) -> None:
    name = place_model(home)
    async with opened(home) as room:
        await traffic(room, 300, seed=4)  # another policy's windows, results, labels, continuations
        await serve(room, name)
        live: dict[int, tuple[bytes, float | None]] = {}
        runtime = room.state().runtime
        assert runtime is not None and runtime.model is not None
        chance = random.Random(8)
        for number in range(150):
            made = await room.decide(drawn(room, chance, 5_000 + number))
            room.clock.advance(chance.choice([0.5, 30, 4_000]))
            if number % 9 == 0:
                await room.label(made.entry.payment_id, "fraud")
            entry = made.entry
            fields, _erased = room.installation.sealer.open(
                made.scope, made.seq, entry.clear, entry.sealed
            )
            vector = runtime.vector(fields, entry.aggregates, {})
            said = entry.result.model
            assert said is not None
            row = runtime.model._scorer.score(vector).row
            live[made.seq] = np.array(row, np.float32).tobytes(), said.probability
        past = history(room)
        wanted = np.ones(len(past.material), np.bool_)
        found = past.build(INPUTS, 0, wanted, _quiet)
        assert [one.name for one in found.inputs] == [one.name for one in INPUTS]
        assert past.material.recorded is not None
        sequences = past.material.recorded.sequences.tolist()
        assert sum(seq in live for seq in sequences) == 150
        artefact = room.installation.models.artefact(name)
        scorer = runtime.model._scorer
        for seq, row in zip(sequences, found.matrix, strict=True):
            if seq in live:
                octets, probability = live[seq]
                assert row.tobytes() == octets, seq
                raw = scorer._engine.output(array("f", row.tolist()))
                assert artefact.calibration.one(raw) == probability


async def test_labels_teach_from_receipt_and_silence_after_the_delay(home: Path) -> None:
    async with opened(home) as room:
        first = [await room.decide() for _ in range(3)]
        room.clock.advance(2 * DAY // 1_000_000)
        await room.label(first[0].entry.payment_id, "fraud")
        between = room.clock.now_us()
        room.clock.advance(2 * DAY // 1_000_000)
        await room.label(first[0].entry.payment_id, "withdrawn")
        await room.label(first[1].entry.payment_id, "fraud")
        last = await room.decide()
        past = history(room, 3 * DAY)
        assert past.prepared.marks.tolist() == [GENUINE, FRAUD, GENUINE, UNKNOWN]
        assert past.known_at(between).tolist() == [FRAUD, UNKNOWN, UNKNOWN, UNKNOWN]
        assert past.known_at(first[0].entry.observation.t_us).tolist() == [UNKNOWN] * 4
        assert last.entry.observation.t_us > between


RECIPE = (
    *INPUTS,
    Input("card_fraud", 'count(card, "30d", event.verdict == "fraud")', "LINKED_TO_FRAUD", 1),
    Input("merchant", "merchant.id", "KIND_OF_MERCHANT"),
    Input("card_posterior", "posterior.card.mean", "LINKED_TO_FRAUD", 1),
)


async def test_a_model_comes_out_of_a_log_and_serves(home: Path, tmp_path: Path) -> None:
    chance = random.Random(3)
    async with opened(home) as room:
        with pytest.raises(NotFound, match="nothing_decided"):
            history(room)
        for number in range(900):
            payment = drawn(room, chance, number)
            await room.decide(payment)
            room.clock.advance(2_600)
            if payment.amount_minor == 500_000:
                await room.label(payment.id, "fraud")
        options = TrainingOptions(
            inputs=RECIPE, out=home / "models", settings=Settings(rounds=10, threads=1)
        )
        with pytest.raises(InvalidRequest, match="delay_needed"):
            train_history(history(room), options, None, SIGNER, _quiet)
        made_model = train_history(history(room), options, DAY_US, SIGNER, _quiet)
        folder = Path(made_model["folder"])
        artefact = read_artefact(folder, [SIGNER.verifier])
        assert artefact.base_currency == "EUR"
        assert "amount" in [one.name for one in artefact.inputs]
        card = json.loads((folder / "card.json").read_text())
        assert card["source"]["without a label"] == "genuine after 1 days"
        assert card["later_days"]["frauds"] > 0
        again = train_history(history(room), options, DAY_US, SIGNER, _quiet)
        assert again["model"] == made_model["model"]
        (home / "keys" / "models.trust").write_text(SIGNER.verifier.text + "\n")
        await serve(room, made_model["model"])
        said = (await room.decide(drawn(room, chance, 10_000))).entry.result.model
        assert said is not None and said.probability is not None
