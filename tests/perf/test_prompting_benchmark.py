"""Prompt tuning on a small shape under pytest-benchmark; the published shape has its own table."""

from __future__ import annotations

from typing import Any

import pytest

from bench.gslm.card import LmShape
from tests.perf.contenders import KINDS, Contender, Kind, build, prompt_tensors
from tests.perf.prompting import main, typical_batch

pytestmark = pytest.mark.usefixtures("shared_data")

SHAPE = LmShape(layers=4, dim=128, ffn_dim=512, heads=4, max_positions=256, n_rows=104)


@pytest.fixture(scope="module", params=KINDS)
def contender(request: pytest.FixtureRequest) -> Contender:
    kind: Kind = request.param
    return build(kind, SHAPE)


@pytest.mark.parametrize("length", [6, 60])
@pytest.mark.benchmark(group="training step")
def test_training_step(contender: Contender, length: int, benchmark: Any) -> None:
    lines = typical_batch("ic", "train", 16)
    contender.take(prompt_tensors(SHAPE, length), "ic")
    benchmark.pedantic(contender.train, args=(lines,), rounds=3, warmup_rounds=1)
    assert 0 < contender.train(lines) < 40, "nats an output of a random LM"


@pytest.mark.parametrize("corpus", ["ks", "ic"])
@pytest.mark.benchmark(group="classification")
def test_classification(contender: Contender, corpus: str, benchmark: Any) -> None:
    lines = typical_batch(corpus, "test", 16)
    contender.take(prompt_tensors(SHAPE, 3), corpus)
    found = benchmark.pedantic(contender.classify, args=(lines,), rounds=1, warmup_rounds=1)
    assert [len(rows) for rows in found] == [len(line.labels) for line in lines]


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--tiny", "--quick", "--threads", "1", "--only", "linearity"])
    printed = capsys.readouterr().out
    assert printed.count("time ~ n^") == 4
