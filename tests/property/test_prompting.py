from __future__ import annotations

from random import Random
from typing import get_args

import numpy as np
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.gslm.card import BOS, EOS
from bench.gslm.packing import length_bucketed, pack
from bench.prompting.decoding import Search, decode
from bench.prompting.frozen import FrozenLM
from bench.prompting.objective import Answers, Objective
from bench.prompting.prompts import Prompts
from bench.prompting.verbalizer import Name, Spelt, verbalize
from tasks.labels import Labels
from tests.unit.bench.gslm.models import SMALL, gslm_of, random_lm

GSLM = gslm_of(random_lm(dtype=torch.float32), backwards=True)
FROZEN = FrozenLM(GSLM.lm, torch.float32)

counts = st.lists(st.integers(1, 50), min_size=1, max_size=6)
units = st.lists(st.integers(4, 15), min_size=1, max_size=20)


@given(
    st.lists(counts, min_size=1, max_size=3),
    st.sampled_from(get_args(Name)),
    st.lists(st.integers(0, 9), min_size=12, max_size=12),
    st.integers(0, 2**40),
)
@settings(max_examples=60, deadline=None)
def test_a_verbalizer_is_injective(
    groups: list[list[int]], name: Name, frequencies: list[int], seed: int
) -> None:
    assume(sum(map(len, groups)) <= 12)
    labels = Labels(
        groups=tuple(tuple(f"w{i}" for i in range(len(g))) for g in groups),
        counts=tuple(map(tuple, groups)),
    )
    spelt = Spelt([np.array([3, 1], np.int32)], [np.array([0])]) if name == "alignment" else None
    rows = verbalize(name, labels, GSLM, np.array(frequencies), seed, spelt)
    assert len(rows) == labels.n == len(set(rows.tolist()))
    assert set(rows.tolist()) <= set(GSLM.card.rows)


def objective(sequence: bool) -> Objective:
    prompts = Prompts(SMALL, 2, "deep")
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for p in prompts.parameters():
            p.copy_(0.4 * torch.randn(p.shape, generator=generator))
    rows = np.array([7, 5, 9, 4, 12])
    groups = (range(5),) if sequence else (range(3), range(3, 5))
    return Objective(FROZEN, prompts, Answers(rows, groups, sequence), "labels")


OBJECTIVES = {sequence: objective(sequence) for sequence in (False, True)}


@given(
    st.lists(units, min_size=1, max_size=6),
    st.booleans(),
    st.integers(1, 100),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_splitting_or_permuting_a_batch_changes_no_prediction(
    utterances: list[list[int]], sequence: bool, batch_tokens: int, random: Random
) -> None:
    asked = [np.array([EOS, *u, BOS]) for u in utterances]
    search = Search(beam=2, max_length=5)
    whole = decode(OBJECTIVES[sequence], asked, search)
    order = list(range(len(asked)))
    random.shuffle(order)
    split = decode(
        OBJECTIVES[sequence], [asked[i] for i in order], search, batch_tokens=batch_tokens
    )
    for i, answer in zip(order, split, strict=True):
        # Two answers may be as good as each other up to rounding; then the scores agree.
        assert abs(answer.score - whole[i].score) < 1e-3
        assert answer.labels == whole[i].labels or sequence


@given(st.lists(units, min_size=1, max_size=12), st.data())
def test_packing_loses_nothing(sequences: list[list[int]], data: st.DataObject) -> None:
    wanted = [data.draw(st.integers(1, len(s))) for s in sequences]
    arrays: list[NDArray[np.int64]] = [np.array(s) for s in sequences]
    batch = pack(arrays, wanted)
    found: dict[int, list[int]] = {}
    outputs: dict[int, list[int]] = {}
    places = iter(batch.order.tolist())
    for g in batch.groups:
        tokens = batch.tokens[g.start : g.end].view(g.utterances, g.length)
        asked = batch.outputs[g.output_start : g.output_end].view(g.utterances, g.outputs)
        for row, output in zip(tokens.tolist(), asked, strict=True):
            i = next(places)
            found[i], outputs[i] = row, batch.tokens[output].tolist()
    assert [found[i] for i in range(len(sequences))] == sequences
    assert [outputs[i] for i in range(len(sequences))] == [
        s[len(s) - n :] for s, n in zip(sequences, wanted, strict=True)
    ]


@given(
    st.lists(st.integers(1, 40), max_size=60),
    st.integers(1, 120),
    st.one_of(st.none(), st.integers(1, 5)),
    st.one_of(st.none(), st.integers(0, 99)),
)
def test_batches_cover_everything_once_within_the_limits(
    lengths: list[int], batch_tokens: int, most: int | None, seed: int | None
) -> None:
    generator = None if seed is None else np.random.default_rng(seed)
    sizes = np.array(lengths, np.int64)
    batches = list(length_bucketed(sizes, batch_tokens, generator, max_utterances=most))
    assert sorted(i for b in batches for i in b.tolist()) == list(range(len(lengths)))
    for b in batches:
        assert len(b) == 1 or sizes[b].sum() <= batch_tokens
        assert most is None or len(b) <= most
