"""SUPERB's recurrent layers: weighted sum -> SpecAugment -> Linear -> 2 BLSTM -> Linear.

ASR and SF read them by CTC (`ctc_model`); here a label is read from them, averaged over time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

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

STRIDE_50_HZ = 320
VARIANCE_FLOOR = 1e-5
"""Added to a variance before it divides."""


class Size(NamedTuple):
    """Of the recurrent layers.

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


SUPERB = Size(proj=1024, hidden=1024, dropout=0.2, standardizes=False, samples_a_step=1)
SMALL = Size(proj=256, hidden=256, dropout=0.2, standardizes=True, samples_a_step=640)


class RecurrentHead(nn.Module):
    """Scores at every step, made by s3prl's own modules.

    Args:
        n_layers: of the upstream.
        dim: of its layers.
        stride: samples a frame.
        n_labels: scores of a step, but for `more_outputs`.
        size: of the recurrent layers.
        spec_augment: mask features in training.

    Attributes:
        more_outputs: scores of a step that are no label's; they come first.
    """

    more_outputs: ClassVar[int] = 0

    def __init__(
        self,
        n_layers: int,
        dim: int,
        stride: int,
        n_labels: int,
        size: Size,
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
            n_labels + self.more_outputs,
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

    def step_scores(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Every output at every step.

        Args:
            frames: (n_layers, batch, n_frames, dim) float32, padded with zeros.
            lengths: (batch,) int64 frames, on the CPU.

        Returns:
            (batch, n_steps, n_outputs) and (batch,) int64 steps; what lies beyond an utterance's
            steps means nothing.
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
        scores, steps = self.head(hidden, lengths)
        return scores, steps


class RecurrentClassifier(RecurrentHead):
    """Labels from the recurrent layers: their scores, averaged over time.

    Where SUPERB's classifier takes the mean of what the upstream says, this one may hear in which
    order it is said.
    """

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Logits of all groups side by side; see `step_scores`.

        Returns:
            (batch, n_labels).
        """
        scores, steps = self.step_scores(frames, lengths)
        return mean_over_steps(scores, steps)


def standardized(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Each feature with mean 0 and standard deviation 1 over the frames of its utterance.

    A feature that does not change becomes 0.

    Args:
        hidden: (batch, n_frames, dim).
        lengths: (batch,) int64 frames, on the CPU; what lies beyond them becomes 0.
    """
    mask = _within(hidden, lengths)
    n = lengths.to(hidden.device)[:, None, None]
    centred = (hidden - (hidden * mask).sum(dim=1, keepdim=True) / n) * mask
    variance = centred.square().sum(dim=1, keepdim=True) / n
    return centred / (variance + VARIANCE_FLOOR).sqrt()


def mean_over_steps(scores: Tensor, steps: Tensor) -> Tensor:
    """(batch, n_outputs) means over an utterance's own steps.

    Args:
        scores: (batch, n_steps, n_outputs).
        steps: (batch,) int64, on the CPU.
    """
    kept = torch.where(_within(scores, steps), scores, 0.0)
    return kept.sum(dim=1) / steps.to(scores.device)[:, None]


def _within(values: Tensor, lengths: Tensor) -> Tensor:
    """(batch, n, 1) bool: which places of (batch, n, ...) belong to their utterance."""
    places = torch.arange(values.shape[1])
    return (places < lengths.cpu()[:, None]).to(values.device)[:, :, None]


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
