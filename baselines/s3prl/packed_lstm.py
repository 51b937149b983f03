"""torch's LSTM on packed sequences, with one product for all of a weight's gradient.

On a CPU torch adds every time step's gradient of the recurrent weights to the sum, which is most of
a training step. Here a step keeps its gates' gradients, and one product makes the sum of all. Same
weights, same outputs, same gradients (`tests/parity/test_s3prl_ctc.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence


class Step(NamedTuple):
    """One step of the recurrence over packed rows.

    Attributes:
        rows: those of the utterances that are there at this step.
        before: rows of the same utterances at the step before; fewer, where some begin here.
    """

    rows: slice
    before: slice

    @property
    def going_on(self) -> slice:
        """Rows of this step that have one before."""
        start, n = self.rows.start, self.before.stop - self.before.start
        return slice(start, start + n)


def steps(batch_sizes: Sequence[int], *, reverse: bool) -> list[Step]:
    """The steps in the order of the recurrence.

    Args:
        batch_sizes: utterances at each time, as packed: never more than at the time before.
        reverse: from the last time to the first.
    """
    starts = [0]
    for size in batch_sizes[:-1]:
        starts.append(starts[-1] + size)
    times = range(len(batch_sizes))
    found, last = [], None
    for t in reversed(times) if reverse else times:
        n = 0 if last is None else min(batch_sizes[t], batch_sizes[last])
        first = 0 if last is None else starts[last]
        found.append(Step(slice(starts[t], starts[t] + batch_sizes[t]), slice(first, first + n)))
        last = t
    return found


class _Recurrence(torch.autograd.Function):
    """One direction; gates in the order input, forget, output, candidate."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, order: list[Step]) -> Tensor:
        """Hidden states.

        Args:
            ctx: keeps what the backward needs.
            inputs: (n_rows, 4 * hidden) what the inputs and the biases add to the gates.
            weight: (4 * hidden, hidden).
            order: the steps.

        Returns:
            (n_rows, hidden).
        """
        size = weight.shape[1]
        gates, turned = inputs.clone(), weight.t().contiguous()
        cells, squashed, hidden = (inputs.new_empty(len(inputs), size) for _ in range(3))
        for step in order:
            rows, on = step.rows, step.going_on
            gates[on].addmm_(hidden[step.before], turned)
            gates[rows, : 3 * size].sigmoid_()
            gates[rows, 3 * size :].tanh_()
            torch.mul(gates[rows, :size], gates[rows, 3 * size :], out=cells[rows])
            cells[on].addcmul_(gates[on, size : 2 * size], cells[step.before])
            torch.tanh(cells[rows], out=squashed[rows])
            torch.mul(gates[rows, 2 * size : 3 * size], squashed[rows], out=hidden[rows])
        ctx.save_for_backward(gates, cells, squashed, hidden, weight)
        ctx.order = order
        return hidden

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients of the inputs and the weight."""
        gates, cells, squashed, hidden, weight = ctx.saved_tensors
        order: list[Step] = ctx.order
        n, size = hidden.shape
        entered, forgotten, shown, candidate = gates.view(n, 4, size).unbind(1)
        hidden_before, cells_before = torch.zeros_like(hidden), torch.zeros_like(hidden)
        for step in order:
            hidden_before[step.going_on] = hidden[step.before]
            cells_before[step.going_on] = cells[step.before]
        # How each gate's input moves the cell, and the output gate's the hidden state.
        to_cell = torch.stack(
            [
                candidate * entered * (1 - entered),
                cells_before * forgotten * (1 - forgotten),
                entered * (1 - candidate * candidate),
            ],
            dim=1,
        )
        to_hidden = squashed * shown * (1 - shown)
        through = shown * (1 - squashed * squashed)
        d_hidden, d_cells = grads[0].clone(), torch.zeros_like(hidden)
        d_gates = torch.empty_like(gates)
        d_each = d_gates.view(n, 4, size)
        for step in reversed(order):
            rows, on, before = step.rows, step.going_on, step.before
            d_cells[rows].addcmul_(d_hidden[rows], through[rows])
            torch.mul(d_hidden[rows], to_hidden[rows], out=d_each[rows, 2])
            moved = to_cell[rows] * d_cells[rows, None]
            d_each[rows, :2] = moved[:, :2]
            d_each[rows, 3] = moved[:, 2]
            d_hidden[before].addmm_(d_gates[on], weight)
            torch.mul(d_cells[on], forgotten[on], out=d_cells[before])
        return d_gates, d_gates.t() @ hidden_before, None


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
        sizes = packed.batch_sizes.tolist()
        found = [
            self._direction(packed.data, sizes, reverse=reverse)
            for reverse in ([False, True] if self.bidirectional else [False])
        ]
        data = torch.cat(found, dim=1)
        indices = packed.sorted_indices, packed.unsorted_indices
        return PackedSequence(data, packed.batch_sizes, *indices), None

    def _direction(self, data: Tensor, sizes: list[int], *, reverse: bool) -> Tensor:
        end = "_l0_reverse" if reverse else "_l0"
        of_input, of_hidden = getattr(self, f"weight_ih{end}"), getattr(self, f"weight_hh{end}")
        bias = getattr(self, f"bias_ih{end}") + getattr(self, f"bias_hh{end}")
        inputs = nn.functional.linear(data, _reordered(of_input), _reordered(bias))
        hidden: Tensor = _Recurrence.apply(
            inputs, _reordered(of_hidden), steps(sizes, reverse=reverse)
        )
        return hidden


def _reordered(gates: Tensor) -> Tensor:
    """torch's order input, forget, candidate, output with the last two exchanged."""
    entered, forgotten, candidate, shown = gates.chunk(4)
    return torch.cat([entered, forgotten, shown, candidate])
