"""Next-unit prediction: what a unit LM reads and answers, and its loss on given units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray

from bench.gslm.card import EOS
from bench.gslm.packing import Packed, length_bucketed, pack

Scorer = Callable[[Packed], torch.Tensor]
"""A language model: packed tokens to (n_tokens, n_rows) scores of each token's successor."""


class Batch(NamedTuple):
    """A packed batch and its next-token targets, (n_tokens,) int64."""

    inputs: Packed
    targets: torch.Tensor


def make_batch(sequences: Sequence[NDArray[np.int64]]) -> Batch:
    """Inputs and targets of rows without specials.

    Args:
        sequences: each (length,) int64 embedding rows.

    Returns:
        Inputs that begin with `</s>`, targets that end in it.
    """
    inputs = pack([np.concatenate([[EOS], s]) for s in sequences])
    targets = torch.empty_like(inputs.tokens)
    for g in inputs.groups:
        block = inputs.tokens[g.start : g.end].view(g.utterances, g.length)
        end = torch.full((g.utterances, 1), EOS)
        targets[g.start : g.end] = torch.cat([block[:, 1:], end], dim=1).flatten()
    return Batch(inputs, targets)


@torch.no_grad()
def next_unit_loss(
    scorer: Scorer,
    sequences: Sequence[NDArray[np.int64]],
    device: torch.device,
    *,
    batch_tokens: int = 8192,
) -> float:
    """Mean loss in nats a token, `</s>` counted.

    Args:
        scorer: the model, dropout off.
        sequences: rows without specials, at least one, each cut to the model's positions.
        device: of the model.
        batch_tokens: tokens read at once; the loss does not depend on it.
    """
    lengths = np.array([len(s) for s in sequences]) + 1
    total = 0.0
    for indices in length_bucketed(lengths, batch_tokens, None):
        batch = make_batch([sequences[i] for i in indices])
        scores = scorer(batch.inputs.to(device)).float()
        total += float(F.cross_entropy(scores, batch.targets.to(device), reduction="sum"))
    return total / int(lengths.sum())
