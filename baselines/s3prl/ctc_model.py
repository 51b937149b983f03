"""SUPERB's head for ASR and SF: its recurrent layers, read by CTC."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from baselines.s3prl.recurrent_head import RecurrentHead

BLANK = 0
"""The output of the blank; label i is output i + 1."""


class CtcModel(RecurrentHead):
    """The head, of s3prl's own modules; beside the labels it has an output for the blank."""

    more_outputs = 1

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of every output at every step; see `step_scores`.

        Returns:
            (batch, n_steps, n_labels + 1) and (batch,) int64 steps; what lies beyond an
            utterance's steps means nothing.
        """
        scores, steps = self.step_scores(frames, lengths)
        return functional.log_softmax(scores, dim=-1), steps


def ctc_loss(scores: Tensor, steps: Tensor, labels: list[list[int]]) -> Tensor:
    """Mean over the batch of the CTC loss a label, as in s3prl.

    Args:
        scores: (batch, n_steps, n_labels + 1) log-probabilities.
        steps: (batch,) int64.
        labels: label ids of each utterance.
    """
    flat = torch.tensor([label + 1 for answer in labels for label in answer], dtype=torch.long)
    sizes = torch.tensor([len(answer) for answer in labels])
    return functional.ctc_loss(
        scores.transpose(0, 1), flat.to(scores.device), steps, sizes, BLANK, zero_infinity=True
    )


def log_probability(scores: Tensor, labels: list[int]) -> float:
    """Natural log of the probability that one utterance's labels are these, over all paths.

    Args:
        scores: (n_steps, n_labels + 1) log-probabilities.
        labels: label ids.
    """
    target = torch.tensor([label + 1 for label in labels], dtype=torch.long)
    loss = functional.ctc_loss(
        scores.double().cpu(),
        target,
        torch.tensor(len(scores)),
        torch.tensor(len(labels)),
        BLANK,
        reduction="sum",
    )
    return -float(loss)
