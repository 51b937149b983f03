from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.gslm.packing import Group, Packed, length_bucketed, pack

A, B, C = np.array([5, 6, 7]), np.array([8]), np.array([9, 10, 11])


def test_equally_long_sequences_make_a_rectangle() -> None:
    batch = pack([A, B, C])
    assert batch.order.tolist() == [1, 0, 2]
    assert batch.tokens.tolist() == [8, 5, 6, 7, 9, 10, 11]
    assert batch.positions.tolist() == [0, 0, 1, 2, 0, 1, 2]
    assert batch.outputs.tolist() == list(range(7))
    assert batch.groups == (Group(0, 1, 1, 1, 0), Group(1, 2, 3, 3, 1))
    assert [g.end for g in batch.groups] == [1, 7]
    assert [g.output_end for g in batch.groups] == [1, 7]


def test_outputs_are_the_last_tokens() -> None:
    batch = pack([A, B, C], [1, 1, 2])
    assert batch.tokens[batch.outputs].tolist() == [8, 7, 10, 11]
    assert batch.groups == (Group(0, 1, 1, 1, 0), Group(1, 1, 3, 1, 1), Group(4, 1, 3, 2, 2))
    assert batch.groups[-1].output_end == 4


def test_sequences_of_one_length_with_other_outputs_are_apart() -> None:
    batch = pack([A, C, A], [2, 1, 2])
    assert batch.order.tolist() == [1, 0, 2]
    assert [(g.utterances, g.outputs) for g in batch.groups] == [(1, 1), (2, 2)]


def test_a_rectangle_is_one_group_of_all_outputs() -> None:
    batch = Packed.rectangle(2, 3, torch.device("cpu"))
    assert batch.positions.tolist() == [0, 1, 2, 0, 1, 2]
    assert batch.groups == (Group(0, 2, 3, 3, 0),)
    assert batch.to(torch.device("cpu")) is batch


def batches(
    lengths: list[int], limit: int, seed: int | None, most: int | None = None
) -> list[list[int]]:
    generator = None if seed is None else np.random.default_rng(seed)
    found = length_bucketed(np.array(lengths), limit, generator, max_utterances=most)
    return [batch.tolist() for batch in found]


@pytest.mark.parametrize("seed", [None, 0])
def test_every_index_comes_once_within_the_limits(seed: int | None) -> None:
    lengths = np.random.default_rng(1).integers(1, 50, size=200).tolist()
    found = batches(lengths, 100, seed, most=7)
    assert sorted(i for batch in found for i in batch) == list(range(200))
    for batch in found:
        assert sum(lengths[i] for i in batch) <= 100
        assert len(batch) <= 7
    assert max(len(batch) for batch in found) == 7, "the limit is reached"
    spread = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in found]
    assert np.mean(spread) < 3, "a batch holds similar lengths"


def test_a_long_utterance_is_a_batch_of_its_own() -> None:
    assert batches([3, 99, 4, 98], 10, None) == [[0, 2], [3], [1]]


def test_without_a_generator_the_order_is_by_length_and_index() -> None:
    assert batches([2, 1, 2, 1], 100, None) == [[1, 3, 0, 2]]
    assert batches([2, 1, 2, 1], 2, None) == [[1, 3], [0], [2]]
    assert batches([], 10, None) == []


def test_a_generator_shuffles_equal_lengths_and_batches_by_its_seed() -> None:
    lengths = [3] * 40
    assert batches(lengths, 12, 1) == batches(lengths, 12, 1)
    assert batches(lengths, 12, 1) != batches(lengths, 12, 2)
    assert batches(lengths, 12, 1)[0] != sorted(batches(lengths, 12, 1)[0])
