from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bench.errors import DataError
from bench.prompting.examples import (
    Encoder,
    Example,
    Loss,
    TrainingExamples,
    collate,
    mixed,
    thinned,
    windowed,
)
from tasks.corpora.utterance import Utterance
from tests.unit.bench.gslm.models import SMALL, gslm_of, random_lm

GSLM = gslm_of(random_lm(), backwards=True)
"""12 units; unit u has row 15 - u; 40 positions."""
ANSWER = np.array([4, 7, 5])


def utterance(n: int = 2, name: str = "a.wav") -> Utterance:
    units = np.arange(n, dtype=np.int32) % 12
    return Utterance(id=name, symbols=("x",), units=units, where=f"train.txt:{name}")


@pytest.fixture
def notes() -> Counter[str]:
    return Counter()


@pytest.fixture
def encoder(notes: Counter[str]) -> Encoder:
    return Encoder(GSLM, notes)


@pytest.mark.parametrize(
    ("loss", "ends", "tokens", "targets"),
    [
        # The paper's: from the separator on; y_1 after <s>, </s> after y_n.
        ("full", False, [2, 15, 14, 0, 4, 7, 5], [0, 4, 7, 5, 2]),
        ("full", True, [2, 15, 14, 0, 4, 7, 5], [0, 4, 7, 5, 2]),
        ("labels", False, [2, 15, 14, 0, 4, 7], [4, 7, 5]),
        ("labels", True, [2, 15, 14, 0, 4, 7, 5], [4, 7, 5, 2]),
    ],
)
def test_tokens_and_targets(
    encoder: Encoder, loss: Loss, ends: bool, tokens: list[int], targets: list[int]
) -> None:
    example = encoder.example(utterance(), ANSWER, loss=loss, ends=ends)
    assert example.tokens.tolist() == tokens
    assert example.targets.tolist() == targets
    # Each output's target is the token that follows it, where one follows.
    outputs = example.tokens[len(tokens) - len(targets) :]
    assert outputs[1:].tolist() == targets[: len(outputs) - 1]


@pytest.mark.parametrize("loss", ["full", "labels"])
@pytest.mark.parametrize("ends", [False, True])
def test_thinning_leaves_units_out_and_nothing_else(
    encoder: Encoder, loss: Loss, ends: bool
) -> None:
    whole = encoder.example(utterance(10), ANSWER, loss=loss, ends=ends)
    before = whole.tokens.copy()
    generator = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        thin = thinned(whole, 0.25, generator)
        assert thin.targets is whole.targets
        assert thin.tokens[0] == whole.tokens[0]
        assert thin.tokens[9:].tolist() == whole.tokens[11:].tolist()  # 2 of 10 left out
        kept = thin.tokens[1:9].tolist()
        assert kept == sorted(kept, reverse=True)  # row 15 - u: the order of time
        seen |= set(before[1:11].tolist()) - set(kept)
    assert whole.tokens.tolist() == before.tolist()
    assert seen == set(before[1:11].tolist())
    assert thinned(whole, 0.09, generator) is whole


def test_a_window_is_a_stretch_of_the_units(encoder: Encoder) -> None:
    whole = encoder.example(utterance(10), ANSWER, loss="labels", ends=True)
    generator = np.random.default_rng(0)
    seen = set()
    for _ in range(300):
        cut = windowed(whole, 0.3, generator)
        n = len(cut.tokens) - len(whole.tokens) + 10
        assert cut.targets is whole.targets
        assert cut.tokens[0] == whole.tokens[0]
        assert cut.tokens[1 + n :].tolist() == whole.tokens[11:].tolist()
        start = whole.tokens.tolist().index(cut.tokens[1])
        assert cut.tokens[1 : 1 + n].tolist() == whole.tokens[start : start + n].tolist()
        seen.add((start, n))
    assert {n for _, n in seen} == set(range(3, 10)), "any length from three tenths on"
    assert {start for start, n in seen if n == 3} == set(range(1, 9)), "anywhere"
    one = encoder.example(utterance(1), ANSWER, loss="labels", ends=True)
    assert windowed(one, 0.3, generator).tokens.tolist() == one.tokens.tolist()


def test_mixing_takes_stretches_of_utterances_with_the_same_answer(encoder: Encoder) -> None:
    def example(units: list[int], answer: int) -> Example:
        said = Utterance(id="a", symbols=("x",), units=np.array(units, np.int32), where="a")
        return encoder.example(said, np.array([answer]), loss="labels", ends=False)

    twos = [example([0, 1, 2, 3, 4, 5], 4), example([6, 7, 8, 9, 10, 11], 4)]
    alone = example([0, 2, 4, 6], 5)
    generator = np.random.default_rng(0)
    together, seen = 0, set()
    for _ in range(200):
        found = mixed([*twos, alone], 2, generator)
        assert [e.targets.tolist() for e in found] == [[4], [4], [5]]
        assert all(e.tokens[[0, -1]].tolist() == [2, 0] for e in found)
        assert [len(e.tokens) for e in found] == [8, 8, 6]
        units = 15 - found[0].tokens[1:-1]
        first, second = units[:3].tolist(), units[3:].tolist()
        assert first in [[i, i + 1, i + 2] for i in range(4)]
        assert second in [[i, i + 1, i + 2] for i in (*range(4), *range(6, 10))]
        together += second[0] >= 6
        seen.add(first[0])
        assert set(15 - found[2].tokens[1:-1]) <= {0, 2, 4, 6}, "nothing of another answer"
    assert 20 < together < 80, "a quarter: half are mixed, half of these with the other one"
    assert seen == {0, 1, 2, 3}


def test_each_epoch_mixes_anew_and_as_the_seed_says(encoder: Encoder) -> None:
    examples = TrainingExamples(
        [encoder.example(utterance(n), np.array([4]), loss="labels", ends=False) for n in (9, 12)]
    )

    def tokens(seed: int, epoch: int, mix: int) -> list[list[int]]:
        return [e.tokens.tolist() for e in examples.of_epoch(seed, epoch, mix)]

    assert tokens(0, 0, 4) == tokens(0, 0, 4)
    assert len({str(tokens(0, epoch, 4)) for epoch in range(8)}) > 4
    assert tokens(0, 0, 1) == tokens(1, 5, 1)


def test_targets_are_laid_out_as_the_batch_is(encoder: Encoder) -> None:
    examples = [
        encoder.example(utterance(n), np.array([4 + i]), loss="full", ends=False)
        for i, n in enumerate((5, 2, 5, 1))
    ]
    batch, targets = collate(examples)
    tokens = batch.tokens[batch.outputs].view(-1, 3)
    wanted = targets.view(-1, 3)
    assert wanted[:, 1].tolist() == [7, 5, 4, 6]
    assert tokens[:, 1].tolist() == [0, 0, 0, 0]
    assert tokens[:, 2].equal(wanted[:, 1])


@pytest.mark.parametrize(
    ("n", "room", "kept"), [(38, 0, 38), (39, 0, 38), (38, 5, 33), (33, 5, 33)]
)
def test_units_are_cut_to_the_positions_that_are_left(
    encoder: Encoder, notes: Counter[str], n: int, room: int, kept: int
) -> None:
    tokens = encoder.prompt(utterance(n), room)
    assert tokens[0] == 2
    assert tokens[-1] == 0
    assert tokens[1:-1].tolist() == [15 - i % 12 for i in range(kept)]
    assert len(tokens) + room <= SMALL.max_positions
    assert notes == ({"cut_to_max_positions": 1} if kept < n else {})


def test_an_utterance_that_is_cut_counts_once(encoder: Encoder, notes: Counter[str]) -> None:
    for name in ("a", "b", "a", "b", "b"):
        encoder.prompt(utterance(100, name), 1)
    encoder.prompt(utterance(200_000, "c"), 1)
    encoder.example(utterance(100, "d"), ANSWER, loss="labels", ends=False)
    encoder.prompt(utterance(100, "d"), 0)
    assert notes == {"cut_to_max_positions": 4}


def test_no_room_for_a_single_unit(encoder: Encoder) -> None:
    assert len(encoder.prompt(utterance(5), 37)) == 3
    with pytest.raises(DataError, match=r"'a\.wav' takes 38 of the LM's 40 positions") as caught:
        encoder.prompt(utterance(5), 38)
    assert caught.value.where == "train.txt:a.wav"


def test_an_utterance_without_units(encoder: Encoder) -> None:
    bare = Utterance(id="b", symbols=("x",), where="train.txt:3")
    with pytest.raises(DataError, match=r"train\.txt:3: utterance 'b' has no units"):
        encoder.prompt(bare, 0)


def test_an_epoch_takes_one_version_of_each_utterance(encoder: Encoder) -> None:
    versions = [
        [encoder.example(utterance(1 + v), np.array([4 + i]), loss="labels", ends=False)
         for i in range(50)]
        for v in range(3)
    ]  # fmt: skip
    examples = TrainingExamples(*versions)
    assert len(examples) == 50
    taken = np.zeros((50, 3), int)
    for epoch in range(60):
        drawn = examples.of_epoch(0, epoch)
        assert [e.targets.tolist() for e in drawn] == [[4 + i] for i in range(50)]
        taken[np.arange(50), [len(e.tokens) - 3 for e in drawn]] += 1
    assert taken.min() > 5  # 20 are expected
    again = [e.tokens.tolist() for e in examples.of_epoch(0, 7)]
    assert again == [e.tokens.tolist() for e in examples.of_epoch(0, 7)]
    assert again != [e.tokens.tolist() for e in examples.of_epoch(1, 7)]
    assert TrainingExamples(versions[0]).of_epoch(0, 3) == versions[0]
