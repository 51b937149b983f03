"""SUPERB's head for ASR and SF: weighted sum -> SpecAugment -> Linear -> 2 BLSTM -> CTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from baselines.s3prl.containment import silenced
from baselines.s3prl.packed_lstm import PackedLstm
from baselines.s3prl.pooled_classifier import featurizer

with silenced():
    from s3prl.nn import RNNEncoder
    from s3prl.nn.specaug import SpecAug

BLANK = 0
"""The output of the blank; label i is output i + 1."""
STRIDE_50_HZ = 320
VARIANCE_FLOOR = 1e-5
"""Added to a variance before it divides."""
HeadName = Literal["superb", "small"]


class HeadSize(NamedTuple):
    """Size of the recurrent head.

    Attributes:
        proj: outputs of the linear layer before the recurrent ones.
        hidden: of each direction of each of the two BLSTM layers.
        dropout: after each BLSTM layer.
        standardizes: whether each feature is brought to mean 0 and deviation 1 within the
            utterance first.
        samples_a_step: frames are joined until a step has at least as many samples.
    """

    proj: int
    hidden: int
    dropout: float
    standardizes: bool
    samples_a_step: int


HEADS: dict[HeadName, HeadSize] = {
    "superb": HeadSize(proj=1024, hidden=1024, dropout=0.2, standardizes=False, samples_a_step=1),
    "small": HeadSize(proj=256, hidden=256, dropout=0.2, standardizes=True, samples_a_step=640),
}


class CtcModel(nn.Module):
    """The head, of s3prl's own modules.

    Args:
        n_layers: of the upstream.
        dim: of its layers.
        stride: samples a frame.
        n_labels: symbols, the blank not counted.
        size: of the recurrent part.
        spec_augment: mask features in training.
    """

    def __init__(
        self,
        n_layers: int,
        dim: int,
        stride: int,
        n_labels: int,
        size: HeadSize,
        *,
        spec_augment: bool,
    ) -> None:
        super().__init__()
        self.featurizer = featurizer(n_layers, dim, stride)
        self.standardizes = size.standardizes
        self.n_joined = -(-size.samples_a_step // stride)
        # SUPERB masks up to 50 dimensions four times; of a narrow feature little would be left.
        width = min(50, max(1, dim // 4))
        # In time it masks up to 40 frames twice: 0.8 s at 50 Hz; at 25 Hz too much is lost.
        longest = min(40, 40 * STRIDE_50_HZ // stride)
        self.spec_augment = (
            SpecAug(
                freq_mask_width_range=(0, width),
                num_freq_mask=4,
                time_mask_width_range=(0, longest),
                num_time_mask=2,
            )
            if spec_augment
            else None
        )
        self.head = RNNEncoder(
            dim * self.n_joined,
            n_labels + 1,
            module="LSTM",
            proj_size=size.proj,
            hidden_size=[size.hidden] * 2,
            dropout=[size.dropout] * 2,
            layer_norm=[False] * 2,
            proj=[False] * 2,
            sample_rate=[1, 1],
            sample_style="concat",
            bidirectional=True,
        )
        for rnn in self.head.rnns:
            PackedLstm.take_over(rnn.layer)

    @property
    def n_head_parameters(self) -> int:
        """Without the layer weights."""
        return sum(p.numel() for p in self.head.parameters())

    @staticmethod
    def arguments(frames: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Those of `forward` for utterances' frames; see `padded`."""
        return padded(frames)

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of every output at every step.

        Args:
            frames: (n_layers, batch, n_frames, dim) float32, padded with zeros.
            lengths: (batch,) int64 frames, on the CPU.

        Returns:
            (batch, n_steps, n_labels + 1) and (batch,) int64 steps; what lies beyond an
            utterance's steps means nothing.
        """
        hidden, lengths = self.featurizer(list(frames), [lengths] * len(frames))
        if self.standardizes:
            hidden = standardized(hidden, lengths)
        if self.training and self.spec_augment is not None:
            hidden, lengths = self.spec_augment(hidden.clone(), lengths)
        if self.n_joined > 1:
            batch, n_frames, dim = hidden.shape
            hidden = functional.pad(hidden, (0, 0, 0, -n_frames % self.n_joined))
            hidden = hidden.reshape(batch, -1, self.n_joined * dim)
            lengths = (lengths + self.n_joined - 1) // self.n_joined
        logits, steps = self.head(hidden, lengths)
        return functional.log_softmax(logits, dim=-1), steps


def standardized(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Each feature with mean 0 and standard deviation 1 over the frames of its utterance.

    A feature that does not change becomes 0.

    Args:
        hidden: (batch, n_frames, dim).
        lengths: (batch,) int64 frames, on the CPU; what lies beyond them becomes 0.
    """
    within = torch.arange(hidden.shape[1]) < lengths[:, None]
    mask = within.to(hidden.device)[:, :, None]
    n = lengths.to(hidden.device)[:, None, None]
    centred = (hidden - (hidden * mask).sum(dim=1, keepdim=True) / n) * mask
    variance = centred.square().sum(dim=1, keepdim=True) / n
    return centred / (variance + VARIANCE_FLOOR).sqrt()


def padded(frames: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Utterances of any length side by side.

    Args:
        frames: of each utterance, (n_layers, n_frames, dim) float32.

    Returns:
        (n_layers, batch, n_frames, dim), zeros behind shorter utterances; (batch,) int64 frames,
        on the CPU.
    """
    lengths = torch.tensor([f.shape[1] for f in frames])
    whole = pad_sequence([f.transpose(0, 1) for f in frames], batch_first=True)
    return whole.permute(2, 0, 1, 3), lengths


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
