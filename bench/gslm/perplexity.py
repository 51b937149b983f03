"""Does a unit LM know the units it is about to be prompted with?

An LM whose weights were lost, or whose embedding rows belong to other units, still runs, and
prompts tuned on it merely score badly. But it predicts units no better than their frequencies do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bench import random
from bench.gslm.card import BOS, EOS
from bench.gslm.next_unit import Scorer, next_unit_loss
from bench.gslm.packing import Packed

CLEARLY_BELOW = 0.75
"""Share of the unigram perplexity that the LM of an intact GSLM stays below.

Measured on real HuBERT units (10.7M parameters, validation units of KS and IC): 0.07 to 0.11
pretrained, 1.6 to 2.1 hardly trained, 20 and more with shuffled rows, over 100 with random weights.
"""
SAMPLE_UTTERANCES = 200
SAMPLE_TOKENS = 4096
"""What is read at most: 0.7 s for an LM of 10.7M parameters on one core in float32."""


class Perplexity(NamedTuple):
    """Perplexity of the same units, `</s>` counted, under the LM and by their frequencies."""

    lm: float
    unigram: float

    @property
    def looks_untrained(self) -> bool:
        """Whether the LM is not clearly better than frequencies (true of one that gives NaN)."""
        return not self.lm < CLEARLY_BELOW * self.unigram


def perplexity(
    scorer: Scorer, sequences: Sequence[NDArray[np.int64]], n_units: int, device: torch.device
) -> Perplexity:
    """Perplexity of a sample of utterances.

    Args:
        scorer: the LM.
        sequences: embedding rows without specials, at least one utterance, each cut to the LM's
            positions. At most `SAMPLE_UTTERANCES` of them are read, always the same ones, and
            none after `SAMPLE_TOKENS` tokens.
        n_units: units there are, for the unigram.
        device: of the LM.
    """
    sample: list[NDArray[np.int64]] = []
    n_tokens = 0
    order = random.numpy_generator(0, "perplexity").permutation(len(sequences))
    for i in order[:SAMPLE_UTTERANCES]:
        sample.append(sequences[int(i)])
        n_tokens += len(sample[-1]) + 1
        if n_tokens >= SAMPLE_TOKENS:
            break

    def ending(batch: Packed) -> torch.Tensor:
        # An LM that learnt utterances in pairs ends one in `<s>`: either end is the end.
        scores = scorer(batch).float().clone()
        scores[:, EOS] = torch.logaddexp(scores[:, EOS], scores[:, BOS])
        scores[:, BOS] = -math.inf
        return scores

    try:
        lm = math.exp(next_unit_loss(ending, sample, device, batch_tokens=2048))
    except OverflowError:
        lm = math.inf
    return Perplexity(lm, unigram_perplexity(sample, n_units))


def unigram_perplexity(sequences: Sequence[NDArray[np.int64]], n_units: int) -> float:
    """Perplexity by frequencies alone, each token predicted from all the others.

    One is added to every count, so few units give nearly `n_units` and not the flattering value
    of a fit to them.

    Args:
        sequences: units or rows without specials.
        n_units: different units there are; `</s>` is one more.
    """
    counts = np.unique(np.concatenate(sequences), return_counts=True)[1]
    counts = np.append(counts, len(sequences)).astype(np.float64)
    n = counts.sum()
    # Without itself a token was seen count - 1 times among n - 1; adding one gives the count.
    return float(np.exp(-(counts / n * np.log(counts / (n - 1 + n_units + 1))).sum()))
