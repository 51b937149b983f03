"""torch's LSTM on packed sequences, computed as one on padded ones.

On a CPU torch gives padded sequences to oneDNN, and packed ones to a loop of its own that takes
three times as long to train. Padding behind a sequence never reaches its states; so that the
backward direction does not begin in the padding, each sequence is turned round within its own
length. Same weights, same outputs, same gradients (`tests/parity/test_s3prl_ctc.py`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class PackedLstm(nn.LSTM):
    """An `nn.LSTM` of one layer that is faster to train on a CPU; elsewhere it is torch's own."""

    @classmethod
    def take_over(cls, lstm: nn.LSTM) -> None:
        """Makes an LSTM one of these; its weights stay what they are.

        Raises:
            ValueError: if it has several layers, a projection or no biases.
        """
        if lstm.num_layers != 1 or lstm.proj_size or not lstm.bias or lstm.dropout:
            raise ValueError("only single layers with biases and without projection")
        lstm.__class__ = cls

    def forward(self, packed: Any, state: Any = None) -> Any:
        """Hidden states of packed sequences that begin at zero.

        Returns:
            They, packed; and None where torch has the last state.
        """
        if not isinstance(packed, PackedSequence) or state is not None or packed.data.is_cuda:
            return super().forward(packed, state)
        # Without indices the batch stays in the packed order, longest first.
        plain = PackedSequence(packed.data, packed.batch_sizes)
        padded, lengths = pad_packed_sequence(plain, batch_first=True)
        found = [self._direction(padded, "_l0")]
        if self.bidirectional:
            time = torch.arange(padded.shape[1])
            turned = torch.where(time < lengths[:, None], lengths[:, None] - 1 - time, time)
            found.append(_taken(self._direction(_taken(padded, turned), "_l0_reverse"), turned))
        again = pack_padded_sequence(torch.cat(found, dim=2), lengths, batch_first=True)
        indices = packed.sorted_indices, packed.unsorted_indices
        return PackedSequence(again.data, packed.batch_sizes, *indices), None

    def _direction(self, padded: Tensor, end: str) -> Tensor:
        """(batch, n_steps, hidden) states, from the first step to the last."""
        weights = [
            getattr(self, name + end) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        zeros = padded.new_zeros(1, len(padded), self.hidden_size)
        states: Tensor
        states, _, _ = torch.lstm(
            padded,
            (zeros, zeros),
            weights,
            True,  # has biases
            1,  # layers
            0.0,  # dropout
            self.training,
            False,  # bidirectional
            True,  # batch first
        )
        return states


def _taken(padded: Tensor, times: Tensor) -> Tensor:
    """(batch, n_steps, dim): of each sequence, the steps at these times."""
    return padded.gather(1, times[:, :, None].expand(-1, -1, padded.shape[2]))
