"""Against torch's own LSTM: in double precision, and in single precision, which is oneDNN's."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from baselines.s3prl.packed_lstm import PackedLstm

Found = tuple[Tensor, list[Tensor]]


def outputs_and_gradients(lstm: nn.LSTM, x: Tensor, lengths: list[int], weights: Tensor) -> Found:
    x = x.clone().requires_grad_(True)
    packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    y, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True)
    wanted = [x, *lstm.parameters()]
    return y, list(torch.autograd.grad((y * weights[:, : y.shape[1]]).sum(), wanted))


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    hidden=st.integers(1, 4),
    bidirectional=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_outputs_and_gradients_are_torchs(
    lengths: list[int], hidden: int, bidirectional: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    theirs = nn.LSTM(3, hidden, batch_first=True, bidirectional=bidirectional, dtype=dtype)
    ours = copy.deepcopy(theirs)
    PackedLstm.take_over(ours)
    x = torch.randn(len(lengths), max(lengths), 3, dtype=dtype)
    weights = torch.randn(*x.shape[:2], hidden * (1 + bidirectional), dtype=dtype)
    wanted, wanted_gradients = outputs_and_gradients(theirs, x, lengths, weights)
    found, gradients = outputs_and_gradients(ours, x, lengths, weights)
    atol, rtol = (1e-12, 1e-9) if dtype == torch.float64 else (2e-6, 1e-5)
    torch.testing.assert_close(found, wanted, atol=atol, rtol=rtol)
    for a, b in zip(gradients, wanted_gradients, strict=True):
        torch.testing.assert_close(a, b, atol=atol, rtol=rtol)


def test_it_keeps_names_and_weights_and_answers_without_gradients() -> None:
    lstm = nn.LSTM(3, 2, batch_first=True, bidirectional=True)
    before = {name: tensor.clone() for name, tensor in lstm.state_dict().items()}
    x = torch.randn(2, 4, 3)
    packed = pack_padded_sequence(x, torch.tensor([4, 2]), batch_first=True)
    with torch.no_grad():
        wanted = lstm(packed)[0].data
        PackedLstm.take_over(lstm)
        torch.testing.assert_close(lstm(packed)[0].data, wanted)
        torch.testing.assert_close(lstm(x)[0][0], lstm(x[:1])[0][0])  # not packed: torch's own way
    assert before.keys() == lstm.state_dict().keys()
    assert all(lstm.state_dict()[name].equal(tensor) for name, tensor in before.items())


@pytest.mark.parametrize("options", [{"num_layers": 2}, {"proj_size": 1}, {"bias": False}])
def test_what_it_does_not_compute_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="only single layers"):
        PackedLstm.take_over(nn.LSTM(3, 2, **options))
