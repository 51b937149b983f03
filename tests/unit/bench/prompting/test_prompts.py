from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.gslm.card import BOS, PAD, LmShape
from bench.gslm.packing import pack
from bench.prompting.frozen import FrozenLM
from bench.prompting.prompts import Mode, Prompts
from tests.unit.bench.gslm.models import SMALL, random_lm

PUBLISHED = LmShape(layers=12, dim=1024, ffn_dim=4096, heads=16, max_positions=3072, n_rows=104)


@pytest.mark.parametrize(
    ("length", "paper"), [(2, 52_224), (3, 77_824), (5, 129_024), (6, 154_624), (176, 4_506_624)]
)
def test_parameters_as_the_papers_count_them(length: int, paper: int) -> None:
    prompts = Prompts(PUBLISHED, length, "deep")
    assert prompts.n_trainable_paper == paper
    # Input vectors that deep prompts never read are not trained.
    assert prompts.n_trainable == paper - length * 1024 == (length * 24 + 1) * 1024


def test_parameters_of_input_prompts_and_of_a_learnable_verbalizer() -> None:
    prompts = Prompts(PUBLISHED, 10, "input")
    assert prompts.n_trainable == prompts.n_trainable_paper == 11 * 1024
    mapped = Prompts(PUBLISHED, 5, "deep", n_mapped_labels=12)
    assert mapped.n_trainable_paper == 129_024 + 12 * 104
    assert mapped.n_trainable == (5 * 24 + 1) * 1024 + 12 * 104


@pytest.mark.parametrize("mode", ["deep", "input"])
def test_everything_that_is_counted_receives_a_gradient(mode: Mode) -> None:
    lm = random_lm()
    with torch.no_grad():
        lm.embed.weight[PAD] += 0.1  # zero, as in a fresh LM, its column of a map never moves
    frozen = FrozenLM(lm, torch.float64)
    read = np.array([7, 5])
    prompts = Prompts(SMALL, 3, mode, n_mapped_labels=2, read_labels=read).double()
    with torch.no_grad():
        for p in prompts.parameters():
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())))
    batch = pack([np.array([2, 5, 9, 0, 7, 5])], [3])
    hidden = frozen(batch, prompts.vectors(frozen), prompts.kv(frozen))
    scores = prompts.class_scores(frozen.logits(hidden))
    assert scores.shape == (3, 2)
    torch.autograd.backward(scores[2, 0] - 0.5 * scores[2, 1])
    touched = sum(int((p.grad != 0).sum()) for p in prompts.parameters() if p.grad is not None)
    assert touched == prompts.n_trainable


def test_no_prompts_are_none() -> None:
    frozen = FrozenLM(random_lm(), torch.float64)
    for mode in ("deep", "input"):
        assert Prompts(SMALL, 0, mode).kv(frozen) is None
    assert Prompts(SMALL, 0, "deep").n_trainable == SMALL.dim


@pytest.mark.parametrize("mode", ["deep", "input"])
def test_they_begin_at_real_activations(mode: Mode) -> None:
    lm = random_lm()
    frozen = FrozenLM(lm, torch.float64)
    batch = pack([np.array([2, 5, 9]), np.array([2, 7, 8, 11])])
    started = []
    for seed in (1, 1, 2):
        prompts = Prompts(SMALL, 4, mode).double()
        prompts.start(frozen, batch, torch.Generator().manual_seed(seed))
        started.append(prompts)
        assert prompts.separator.equal(lm.embed.weight[BOS])
    first, same, other = (dict(p.named_parameters()) for p in started)
    if mode == "input":
        embedded = frozen.embedded(batch.tokens, torch.zeros_like(batch.tokens), None)
        assert all((embedded == row).all(dim=1).any() for row in first["prompt"])
        assert not first["prompt"].equal(other["prompt"])
        return
    for i, seen in enumerate(frozen.attention_inputs(batch)):
        assert all((seen == row).all(dim=1).any() for row in first["key"][i])
    assert first["key"].equal(first["value"])
    assert first["key"].equal(same["key"])
    assert not first["key"].equal(other["key"])


@pytest.mark.parametrize("mode", ["deep", "input"])
def test_dropout_is_drawn_from_the_generator(mode: Mode) -> None:
    frozen = FrozenLM(random_lm(), torch.float64)
    prompts = Prompts(SMALL, 4, mode).double()
    prompts.start(frozen, pack([np.array([2, 5, 9])]), torch.Generator().manual_seed(0))
    keys = []
    for seed in (None, 1, 1, 2):
        generator = None if seed is None else np.random.default_rng(seed)
        kv = prompts.kv(frozen, 0.5, generator)
        assert kv is not None
        keys.append(kv[0].keys)
    assert not keys[0].equal(keys[1])
    assert keys[1].equal(keys[2])
    assert not keys[2].equal(keys[3])
