"""Our CTC training against s3prl's task around s3prl's model, on the same padded batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.s3prl.containment import seeded, silenced
from baselines.s3prl.ctc_model import CtcModel, ctc_loss
from baselines.s3prl.pooled_classifier import Shape
from baselines.s3prl.recurrent_head import Size

with silenced():
    from s3prl.dataio.encoder.tokenizer import CharacterTokenizer
    from s3prl.nn import Featurizer, RNNEncoder
    from s3prl.nn.specaug import ModelWithSpecaug
    from s3prl.task.speech2text_ctc_task import Speech2TextCTCTask

DIM = 200
SIZE = Size(proj=12, hidden=10, dropout=0.2, standardizes=False, samples_a_step=1)
LETTERS = "abcd "


class Theirs(nn.Module):
    """s3prl's model from the frames on."""

    def __init__(self, n_outputs: int, n_layers: int) -> None:
        super().__init__()
        self.featurizer = Featurizer(Shape(n_layers, [DIM] * n_layers, [320] * n_layers))
        encoder = RNNEncoder(
            DIM,
            n_outputs,
            module="LSTM",
            proj_size=SIZE.proj,
            hidden_size=[SIZE.hidden] * 2,
            dropout=[SIZE.dropout] * 2,
            layer_norm=[False] * 2,
            proj=[False] * 2,
            sample_rate=[1, 1],
            sample_style="concat",
            bidirectional=True,
        )
        self.head = ModelWithSpecaug(
            encoder,
            freq_mask_width_range=(0, 50),
            num_freq_mask=4,
            time_mask_width_range=(0, 40),
            num_time_mask=2,
        )

    def forward(self, frames: Tensor, lengths: Tensor) -> Any:
        hidden, hidden_lengths = self.featurizer(list(frames), [lengths] * len(frames))
        return self.head(hidden, hidden_lengths)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("n_layers", [1, 4])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 0.0), (torch.float32, 1e-5)])
def test_losses_and_gradients(
    dtype: torch.dtype, rtol: float, n_layers: int, training: bool
) -> None:
    """In single precision gradients above 1 differ by their rounding, on either side."""
    tokenizer = CharacterTokenizer(list(LETTERS))
    assert tokenizer.pad_idx == 0
    n_labels = tokenizer.vocab_size - 1
    with seeded(1):
        theirs = Theirs(n_labels + 1, n_layers)
        task = Speech2TextCTCTask(theirs, tokenizer)
    with seeded(1):
        ours = CtcModel(n_layers, DIM, 320, n_labels, SIZE, spec_augment=True)
    for model in (ours, theirs):
        model.to(dtype)
    generator = torch.Generator().manual_seed(2)
    frames = torch.randn(n_layers, 3, 60, DIM, generator=generator).to(dtype)
    lengths = torch.tensor([60, 41, 25])
    for i, n in enumerate(lengths.tolist()):
        frames[:, i, n:] = 0
    texts = ["ab cd", "dd a", "c"]
    ids = [torch.tensor(tokenizer.encode(text)) for text in texts]
    class_ids = nn.utils.rnn.pad_sequence(ids, batch_first=True)
    for module in (ours, task):
        module.train(training)
    with seeded(7):
        names = np.array(texts)
        other, _ = task("train", frames.clone(), lengths, names, class_ids, unique_name=names)
    with seeded(7):
        found, steps = ours(frames, lengths)
    loss = ctc_loss(found, steps, [[int(i) - 1 for i in row] for row in ids])
    assert abs(float(loss.detach()) - float(other.detach())) < 1e-5
    gradients = torch.autograd.grad(loss, list(ours.parameters()))
    expected = torch.autograd.grad(other, list(theirs.parameters()))
    assert len(gradients) == len(expected)
    for a, b in zip(gradients, expected, strict=True):
        assert torch.allclose(a, b, atol=1e-5, rtol=rtol)
