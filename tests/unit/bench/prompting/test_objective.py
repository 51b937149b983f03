"""The loss between what competes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.prompting.examples import Loss
from bench.prompting.objective import Answers, Competition


@pytest.mark.parametrize("loss", ["labels", "full"])
def test_smoothing_spreads_a_share_over_all_that_compete(loss: Loss) -> None:
    rows = np.array([7, 5, 9])
    hidden = torch.randn(6, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = torch.from_numpy(rows[[0, 1, 2, 2, 1, 0]])

    def logits(x: Tensor) -> Tensor:
        return x

    def scores(x: Tensor, slot: int) -> Tensor:
        return x[:, rows]

    competition = Competition(
        Answers(rows, (range(3),), is_sequence=False), loss, 16, hidden.device, smoothing=0.1
    )
    competing = hidden if loss == "full" else hidden[:, rows]
    right = targets if loss == "full" else torch.tensor([0, 1, 2, 2, 1, 0])
    surprise = -competing.log_softmax(dim=1)
    expected = 0.9 * surprise[torch.arange(6), right] + 0.1 * surprise.mean(dim=1)
    torch.testing.assert_close(
        competition.loss(hidden, targets, logits, scores), expected.mean(), rtol=1e-12, atol=1e-12
    )
