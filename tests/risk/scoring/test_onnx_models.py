"""Models from elsewhere: what must not run is refused before a runtime sees it."""

from __future__ import annotations

import builtins
import math
import sys
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import onnx_kit as kit
from model_kit import SIGNER
from paywarden.core.errors import Corrupt, InvalidRequest, PaywardenError, TooLarge, Unavailable
from paywarden.lab.training.onnx_import import import_onnx, read_map
from paywarden.risk.rules.findings import PolicyErrors
from paywarden.risk.scoring import onnx_checks
from paywarden.risk.scoring.artefact import read_artefact
from paywarden.risk.scoring.onnx_checks import check_onnx
from paywarden.risk.scoring.scorer import LATE, Scorer, windows_of

GOOD = kit.logistic(kit.WEIGHTS, kit.BIAS)


def check(
    content: bytes, width: int = 3, tensor: str = "x", output: str = "p", column: int = 0
) -> None:
    check_onnx(content, tensor, output, column, width)


def bad(nodes: bytes | None = None, **more: Any) -> bytes:
    given_nodes = () if nodes is None else (nodes,)
    return kit.logistic(kit.WEIGHTS, kit.BIAS, nodes=given_nodes, **more)


FALLING = "calibration: {logits: [1, 0], probabilities: [0, 1]}"
GRAPH = kit.part(5, kit.part(1, "body") + kit.part(6, kit.part(2, "inner")))
ELSEWHERE = kit.number(14, 1) + kit.part(13, kit.part(1, "location") + kit.part(2, "/etc/passwd"))
OUTSIDE = kit.part(5, kit.tensor("far", (1,), [1.0], ELSEWHERE))
CONSTANT = kit.part(5, kit.part(1, "value") + kit.part(5, kit.tensor("c", (1,), [1.0], ELSEWHERE)))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "onnx_invalid"),
        (b"not a model at all", "onnx_invalid"),
        (GOOD[:-3], "onnx_invalid"),
        (bad(ir=99), "onnx_version"),
        (bad(opset=99), "onnx_version"),
        (bad(domain="com.example"), "onnx_operators"),
        (bad(kit.node("Evil", ("x",), ("y",), kit.part(7, "com.example"))), "onnx_operators"),
        (bad(kit.node("Loop", ("x",), ("y",), GRAPH)), "onnx_operators"),
        (bad(more=kit.part(25, kit.part(1, "f"))), "onnx_operators"),
        (bad(initial=kit.part(15, b"")), "onnx_operators"),
        (bad(initial=OUTSIDE), "onnx_external"),
        (bad(kit.node("Constant", (), ("c",), CONSTANT)), "onnx_external"),
        (bad(width=4), "onnx_inputs"),
        (bad(element=11), "onnx_inputs"),
        (bad(initial=kit.part(11, kit.info("second", ("n", 3)))), "onnx_inputs"),
    ],
)
def test_what_must_not_run_is_refused(content: bytes, code: str) -> None:
    check(GOOD)
    with pytest.raises(InvalidRequest, match=code):
        check(content)


def test_other_names_columns_and_sizes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequest, match="onnx_inputs"):
        check(GOOD, tensor="y")
    for wrong in ({"output": "z"}, {"column": 1}):
        with pytest.raises(InvalidRequest, match="onnx_output"):
            check(GOOD, **wrong)  # type: ignore[arg-type]
    monkeypatch.setattr(onnx_checks, "MOST_NODES", 1)
    with pytest.raises(InvalidRequest, match="onnx_operators"):
        check(GOOD)
    monkeypatch.setattr(onnx_checks, "MAX_OCTETS", 10)
    with pytest.raises(TooLarge, match="onnx_too_large"):
        check(GOOD)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_octets_are_refused_or_pass_and_never_fail(data: Any) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        check(bytes(content[: data.draw(st.integers(1, len(content)))]))
    except InvalidRequest as refused:
        assert refused.code.startswith("onnx_")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("amount, is: payment.amount_minor", "amount, is: payment.nonsense", "input_invalid"),
        ("  - {name: channel", "  - {name: amount", "duplicate_input"),
        ("channel: {pos", "amount: {pos", "categories_misplaced"),
        ("missing: 0", "missing: soon", "bad_value"),
        ("missing: 0", "missing_of: {nobody: 1}", "bad_value"),
        ("challenge: 0.5", "challenge: 50", "bad_value"),
        ("base_currency: EUR\n", "", "missing_key"),
        (
            "text:",
            "calibration: {logits: [1, 0], probabilities: [0, 1]}\ntext:",
            "calibration_invalid",
        ),
        ("output: p", "output: p, shape: 3", "unknown_key"),
    ],
)
def test_a_wrong_map_names_what_is_wrong(old: str, new: str, code: str) -> None:
    text = kit.MAP.replace(old, new)
    assert text != kit.MAP
    with pytest.raises((InvalidRequest, PolicyErrors)) as refused:
        read_map("map.yaml", text.encode(), GOOD)
    codes = [one.code for one in getattr(refused.value, "findings", ())]
    assert code in [*codes, getattr(refused.value, "code", "")]


def _imported(folder: Path, content: bytes = GOOD, text: str = kit.MAP) -> Path:
    (folder / "model.onnx").write_bytes(content)
    (folder / "map.yaml").write_text(text)
    made = import_onnx(folder / "model.onnx", folder / "map.yaml", folder / "models", SIGNER)
    return Path(made["folder"])


def test_without_the_runtime_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(Unavailable, match=r"onnxruntime_missing.*paywarden\[onnx\]"):
        _imported(tmp_path)
    assert not (tmp_path / "models").exists()


@pytest.fixture
def runtime() -> None:
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")


@pytest.fixture
def folder(tmp_path: Path, runtime: None) -> Path:
    return _imported(tmp_path)


def _scorer(folder: Path) -> tuple[Scorer, dict[str, int]]:
    artefact = read_artefact(folder, [SIGNER.verifier])
    windows = windows_of(artefact)
    paths = ["payment.amount_minor", "payment.channel", *(f"agg.{one.name}" for one in windows)]
    slots = {path: place for place, path in enumerate(paths)}
    return Scorer(artefact, slots, base_currency="EUR"), slots


def _expected(amount: float, count: float, channel: float) -> float:
    z = kit.BIAS + kit.WEIGHTS[0] * amount + kit.WEIGHTS[1] * count + kit.WEIGHTS[2] * channel
    return 1 / (1 + math.exp(-z))


def test_an_onnx_model_scores_and_gives_reasons(folder: Path) -> None:
    scorer, _slots = _scorer(folder)
    assert scorer.artefact.kind == "onnx" and scorer.artefact.trees == 0
    score = scorer.score([300_000, "ecommerce", 4])
    assert score.probability == pytest.approx(_expected(300_000, 4, 1), abs=1e-6)
    assert score.raw == score.probability  # no calibration was given
    unknown = scorer.score([None, "telepathy", None])
    assert unknown.probability == pytest.approx(_expected(0, 0, 0), abs=1e-6)
    assert [one.code for one in scorer.reasons(score)] == [
        "UNUSUAL_AMOUNT", "MANY_PAYMENTS", "KIND_OF_PAYMENT",
    ]  # fmt: skip
    told = scorer.explain(score)
    assert told.method == "leave_one_out"
    # a logistic regression has no interactions, so here leaving out is exact
    assert told.base + sum(told.contributions.values()) == pytest.approx(told.score, abs=1e-4)
    assert scorer.score([1, "pos", 1], lambda: True).skipped == LATE
    late = iter([False, True])
    assert scorer.score([1, "pos", 1], lambda: next(late)).skipped == LATE


def test_columns_calibration_and_missing_values_are_as_declared(
    tmp_path: Path, runtime: None
) -> None:
    text = kit.MAP.replace("missing: 0", "column: 1, missing: 0, missing_of: {device_day: 2}")
    text += "calibration: {logits: [-6, 6], probabilities: [0.1, 0.7]}\n"
    scorer, _slots = _scorer(_imported(tmp_path, bad(columns=2), text))
    score = scorer.score([100_000, "pos", None])
    raw = _expected(100_000, 2, 0)
    assert score.raw == pytest.approx(raw, abs=1e-6)
    logit = math.log(raw / (1 - raw))
    assert score.probability == pytest.approx(0.1 + 0.6 * (logit + 6) / 12, abs=1e-5)


def test_a_model_that_answers_no_share_is_refused(tmp_path: Path, runtime: None) -> None:
    text = kit.MAP.replace(", missing: 0", "")  # a regression makes nothing of NaN
    with pytest.raises(InvalidRequest, match="onnx_output"):
        _imported(tmp_path, text=text)
    wrong = bad(kit.node("Nonsense", ("p",), ("q",)))
    with pytest.raises(InvalidRequest, match="onnx_invalid"):
        _imported(tmp_path, wrong)


def test_an_import_is_signed_repeatable_and_guarded(folder: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.json", "card.md", "manifest.note", "model.json", "model.onnx",
    ]  # fmt: skip
    assert _imported(tmp_path) == folder
    with pytest.raises(InvalidRequest, match="model_currency"):
        Scorer(read_artefact(folder, [SIGNER.verifier]), {}, base_currency="USD")
    octets = bytearray((folder / "model.onnx").read_bytes())
    octets[-1] ^= 1
    (folder / "model.onnx").write_bytes(octets)
    with pytest.raises(Corrupt, match="model_tampered"):
        read_artefact(folder, [SIGNER.verifier])


def test_a_row_of_another_width_and_a_wild_answer_are_faults(folder: Path) -> None:
    scorer, _slots = _scorer(folder)
    engine: Any = scorer._engine
    with pytest.raises(PaywardenError, match="model_row"):
        engine.output(array("f", [1.0]))
    engine._run = lambda *_: [np.array([[np.nan]], np.float32)]
    with pytest.raises(ValueError, match="no share"):
        engine.output(array("f", [1.0, 2.0, 3.0]))
