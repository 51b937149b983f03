"""How many utterances a classifier is asked about at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.inputs import MeanTable
from baselines.label_problem import ROWS_AT_ONCE, answer
from tests.unit.baselines.conftest import MakeJob

N = 1500


class Ragged:
    """Utterances of one number each, of any length, that notes how many are taken at once."""

    def __init__(self, numbers: NDArray[np.float32], sizes: NDArray[np.int64]) -> None:
        self.numbers, self.sizes, self.limit = numbers, sizes, 10**9
        self.taken: list[int] = []

    def take(self, batch: NDArray[np.int64]) -> tuple[Tensor]:
        self.taken.append(len(batch))
        return (torch.from_numpy(self.numbers[batch])[:, None],)


class Sign(nn.Module):
    def forward(self, numbers: Tensor) -> Tensor:
        flat = numbers.reshape(len(numbers), -1)[:, :1]
        return torch.cat([-flat, flat], dim=1)


@pytest.fixture
def numbers() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=N).astype(np.float32)


def test_utterances_of_many_lengths_come_a_few_at_a_time(
    make_job: MakeJob, numbers: NDArray[np.float32]
) -> None:
    job = make_job("lid", [("de",), ("en",)])
    ragged = Ragged(numbers, np.arange(1, N + 1))
    found = answer(job, Sign(), ragged, 8)
    assert [p.symbols for p in found] == [("en",) if x > 0 else ("de",) for x in numbers]
    assert max(ragged.taken) == 8, "a batch may be padded to its longest"


def test_rows_of_a_table_come_many_at_a_time(
    make_job: MakeJob, numbers: NDArray[np.float32]
) -> None:
    job = make_job("lid", [("de",), ("en",)])
    alike = Ragged(numbers, np.ones(N, np.int64))
    found = answer(job, Sign(), alike, 8)
    assert alike.taken == [ROWS_AT_ONCE, N - ROWS_AT_ONCE]
    table = MeanTable(numbers[:, None, None], "cpu")
    assert [p.symbols for p in answer(job, Sign(), table, 8)] == [p.symbols for p in found]
    assert answer(job, Sign(), MeanTable(numbers[:0, None, None], "cpu"), 8) == []
