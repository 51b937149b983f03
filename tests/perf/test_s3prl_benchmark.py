"""The s3prl side on a toy upstream; `python -m tests.perf.s3prl_training` measures base size."""

from __future__ import annotations

import copy
import statistics
import time
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from baselines.s3prl.packed_lstm import PackedLstm
from tests.perf.s3prl_training import main


@pytest.mark.benchmark(group="s3prl training")
def test_training_on_means_beats_recomputing_the_upstream(benchmark: Any) -> None:
    ratios: dict[str, float] = benchmark.pedantic(
        main, args=(["--tiny", "--threads", "1", "--rounds", "1"],), rounds=1
    )
    assert ratios["50 epochs, fp32"] > ratios["10 epochs, fp32"] > 1


@pytest.mark.benchmark(group="s3prl training")
def test_a_recurrent_layer_trains_faster_than_torchs(benchmark: Any) -> None:
    """Forward and backward of 32 utterances of 40 to 60 frames, each taking turns on one thread."""
    torch.set_num_threads(1)
    theirs = nn.LSTM(256, 256, batch_first=True, bidirectional=True)
    ours = copy.deepcopy(theirs)
    PackedLstm.take_over(ours)
    x = torch.randn(32, 60, 256)
    packed = pack_padded_sequence(
        x, torch.linspace(40, 60, 32).long(), batch_first=True, enforce_sorted=False
    )

    def seconds(lstm: nn.LSTM) -> float:
        began = time.perf_counter()
        torch.autograd.grad(lstm(packed)[0].data.sum(), list(lstm.parameters()))
        return time.perf_counter() - began

    def ratio() -> float:
        pairs = [(seconds(theirs), seconds(ours)) for _ in range(6)][1:]
        return statistics.median(a / b for a, b in pairs)

    assert benchmark.pedantic(ratio, rounds=1) > 1.2
