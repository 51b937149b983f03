from __future__ import annotations

import math
import time

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.gslm.card import EOS, LmShape
from bench.gslm.lm import UnitLM
from bench.gslm.next_unit import make_batch, next_unit_loss
from bench.gslm.packing import Packed
from bench.gslm.perplexity import CLEARLY_BELOW, Perplexity, perplexity, unigram_perplexity
from bench.prompting.frozen import FrozenLM
from bench.threads import one_thread
from tests.unit.bench.gslm.models import plain_hidden, random_lm

CPU = torch.device("cpu")
SEQUENCES = [np.array(s) for s in ([5, 9, 5], [4], [7, 8, 9], [15, 14])]


def walk(n: int, length: int, seed: int = 0) -> list[NDArray[np.int64]]:
    """Rows 4 to 13 that follow a cycle: each row has one successor."""
    starts = np.random.default_rng(seed).integers(10, size=n)
    return [(start + np.arange(length)) % 10 + 4 for start in starts]


def cyclic(batch: Packed) -> Tensor:
    """A model that knows the cycle of `walk`, but not where it begins or ends."""
    scores = torch.zeros(len(batch.tokens), 14)
    scores[torch.arange(len(batch.tokens)), (batch.tokens - 3) % 10 + 4] = 5.0
    return scores


def test_inputs_begin_and_targets_end_with_the_end() -> None:
    inputs, targets = make_batch(SEQUENCES)
    order = [SEQUENCES[i].tolist() for i in inputs.order]
    assert inputs.tokens.tolist() == [t for s in order for t in [EOS, *s]]
    assert targets.tolist() == [t for s in order for t in [*s, EOS]]


def test_the_loss_is_that_of_each_utterance_by_itself() -> None:
    lm = random_lm(dtype=torch.float32)
    total = 0.0
    for s in SEQUENCES:
        logits = lm.logits(plain_hidden(lm, torch.tensor([EOS, *s])))
        logp = torch.log_softmax(logits, dim=1)
        total -= float(logp[torch.arange(len(s) + 1), [*s.tolist(), EOS]].sum().detach())
    for batch_tokens in (1, 5, 1000):
        found = next_unit_loss(
            lambda b: lm.logits(lm(b)), SEQUENCES, CPU, batch_tokens=batch_tokens
        )
        assert found == pytest.approx(total / 13, rel=1e-5)
    frozen = FrozenLM(lm, torch.float32)
    assert next_unit_loss(frozen.next_scores, SEQUENCES, CPU) == pytest.approx(total / 13, rel=1e-5)


def test_a_uniform_model_has_as_many_choices_as_there_are_rows() -> None:
    found = perplexity(lambda b: torch.zeros(len(b.tokens), 14), walk(50, 20), 10, CPU)
    # Each unit is one of 14 rows, the end one of two among them.
    assert found.lm == pytest.approx(14 ** (20 / 21) * 7 ** (1 / 21))
    assert found.looks_untrained


def test_unigram_perplexity_approaches_the_entropy_and_never_flatters() -> None:
    many = walk(2000, 99)
    entropy = 0.99 * math.log(10 / 0.99) + 0.01 * math.log(100)
    assert unigram_perplexity(many, 10) == pytest.approx(math.exp(entropy), rel=1e-2)
    # One utterance of one unit: each token is new to the other.
    assert unigram_perplexity([np.array([4])], 10) == pytest.approx(12)


def test_a_model_that_knows_the_units_is_told_from_one_that_does_not() -> None:
    known = walk(100, 20)
    assert not perplexity(cyclic, known, 10, CPU).looks_untrained
    shuffled = [np.random.default_rng(1).permutation(10)[s - 4] + 4 for s in known]
    assert perplexity(cyclic, shuffled, 10, CPU).looks_untrained
    lm = UnitLM(LmShape(layers=1, dim=16, ffn_dim=16, heads=1, max_positions=32, n_rows=14))
    lm.reset(torch.Generator().manual_seed(0))
    assert perplexity(lambda b: lm.logits(lm(b)), known, 10, CPU).looks_untrained


def test_the_border_and_numbers_that_are_none() -> None:
    assert Perplexity(CLEARLY_BELOW * 10, 10).looks_untrained
    assert not Perplexity(CLEARLY_BELOW * 10 - 0.01, 10).looks_untrained
    assert Perplexity(math.nan, 10).looks_untrained
    huge = perplexity(lambda b: torch.eye(14)[b.tokens] * 1e6, walk(3, 5), 10, CPU)
    assert huge.lm == math.inf
    assert huge.looks_untrained


def test_only_a_sample_is_read_and_always_the_same() -> None:
    seen: list[int] = []

    def scorer(batch: Packed) -> Tensor:
        seen.append(len(batch.order))
        return cyclic(batch)

    short = [np.array([4 + i % 10]) for i in range(1000)]
    first = perplexity(scorer, short, 10, CPU)
    assert sum(seen) == 200
    assert perplexity(scorer, short, 10, CPU) == first
    seen.clear()
    perplexity(scorer, walk(1000, 1000), 10, CPU)
    assert sum(seen) == 5, "4096 tokens are reached with the fifth"


def test_it_is_cheap_for_ten_million_parameters() -> None:
    shape = LmShape(layers=6, dim=384, ffn_dim=1536, heads=6, max_positions=128, n_rows=104)
    frozen = FrozenLM(UnitLM(shape).reset(torch.Generator().manual_seed(0)), torch.float32)
    with one_thread():
        began = time.process_time()
        perplexity(frozen.next_scores, walk(1000, 40), 100, CPU)
        assert time.process_time() - began < 2
