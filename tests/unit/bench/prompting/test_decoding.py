from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bench.gslm.card import BOS, EOS
from bench.gslm.lm import UnitLM
from bench.gslm.packing import pack
from bench.prompting.cache import Cache
from bench.prompting.decoding import Answer, Search, decode
from bench.prompting.frozen import FrozenLM
from bench.prompting.objective import Answers, Objective
from bench.prompting.past import Projected, Unprojected
from bench.prompting.prompts import Prompts
from tests.unit.bench.gslm.models import SMALL, plain_hidden, random_lm

SLOTS = Answers(np.array([7, 5, 9, 4, 12, 6]), (range(3), range(3, 4), range(4, 6)), False)
SEQUENCE = Answers(np.array([7, 5, 9]), (range(3),), True)


def objective_of(
    answers: Answers, lm: UnitLM | None = None, *, n_mapped: int = 0, length: int = 2
) -> Objective:
    frozen = FrozenLM(random_lm() if lm is None else lm, torch.float64)
    prompts = Prompts(
        SMALL, length, "deep", n_mapped_labels=n_mapped, read_labels=answers.read
    ).double()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for p in prompts.parameters():
            p.copy_(0.4 * torch.randn(p.shape, generator=generator))
    return Objective(frozen, prompts, answers, "labels")


def sequences(*lengths: int) -> list[NDArray[np.int64]]:
    """`</s> u_1 ... u_T <s>` of these lengths in all."""
    random = np.random.default_rng(5)
    return [np.concatenate([[EOS], random.integers(4, 16, n - 2), [BOS]]) for n in lengths]


class Brute:
    """Log-probabilities by reading everything anew for each label."""

    def __init__(self, objective: Objective, lm: UnitLM | None = None) -> None:
        self.objective = objective
        self.lm = random_lm() if lm is None else lm
        self.known: dict[tuple[bytes, tuple[int, ...]], list[float]] = {}
        self.vectors = {
            name: p.detach()
            for name, p in objective.prompts.named_parameters()
            if name != "label_map"
        }

    def logp(self, sequence: NDArray[np.int64], path: tuple[int, ...]) -> list[float]:
        """Of each choice after `path`."""
        key = (sequence.tobytes(), path)
        if key not in self.known:
            self.known[key] = self._logp(sequence, path)
        return self.known[key]

    @torch.no_grad()
    def _logp(self, sequence: NDArray[np.int64], path: tuple[int, ...]) -> list[float]:
        rows = self.objective.answers.rows[list(path)]
        tokens = torch.from_numpy(np.concatenate([sequence, rows]))
        answers = self.objective.answers
        read = answers.read.tolist()
        hidden = plain_hidden(self.lm, tokens, read_labels=read, **self.vectors)[-1:]
        logits = hidden @ self.lm.embed.weight.t()
        slot = 0 if answers.is_sequence else len(path)
        if self.objective.prompts.label_map is not None:
            group = answers.groups[slot]
            scores = (logits @ self.objective.prompts.label_map.t())[:, group]
        else:
            scores = logits[:, answers.choices(slot)]
        logp: list[float] = torch.log_softmax(scores, dim=1)[0].tolist()
        return logp

    def greedy_slots(self, sequence: NDArray[np.int64]) -> Answer:
        path: tuple[int, ...] = ()
        score = 0.0
        for group in self.objective.answers.groups:
            logp = self.logp(sequence, path)
            path = (*path, group.start + int(np.argmax(logp)))
            score += max(logp)
        return Answer(path, score)

    def best_sequence(
        self, sequence: NDArray[np.int64], most: int, length_penalty: float
    ) -> Answer:
        n = len(self.objective.answers.rows)
        best, best_norm = Answer((), 0.0), float("-inf")
        for length in range(most + 1):
            for path in itertools.product(range(n), repeat=length):
                score = self.logp(sequence, path)[n]
                score += sum(self.logp(sequence, path[:i])[path[i]] for i in range(length))
                norm = score / (length + 1) ** length_penalty
                if norm > best_norm:
                    best, best_norm = Answer(path, score), norm
        return best


def assert_same(found: list[Answer], wanted: list[Answer]) -> None:
    assert [a.labels for a in found] == [a.labels for a in wanted]
    assert [a.score for a in found] == pytest.approx([a.score for a in wanted], abs=1e-5)


@pytest.mark.parametrize("n_mapped", [0, 6], ids=["verbalizer", "learnable"])
def test_slots_are_the_greedy_answers_of_full_recomputation(n_mapped: int) -> None:
    objective, asked = objective_of(SLOTS, n_mapped=n_mapped), sequences(5, 3, 9, 5, 12, 20, 21, 4)
    found = decode(objective, asked, Search())
    brute = Brute(objective)
    assert_same(found, [brute.greedy_slots(s) for s in asked])
    assert len({round(a.score, 6) for a in found}) == len(asked)
    for answer in found:
        assert all(label in g for label, g in zip(answer.labels, SLOTS.groups, strict=True))


def test_one_slot_needs_no_cache() -> None:
    answers = Answers(np.array([7, 5, 9]), (range(3),), False)
    objective, asked = objective_of(answers), sequences(5, 3, 9, 40)
    assert_same(
        decode(objective, asked, Search()), [Brute(objective).greedy_slots(s) for s in asked]
    )


def hesitant_lm(bias: float) -> UnitLM:
    """An LM whose `</s>` scores lower by about `bias` at every place."""
    lm = random_lm()
    with torch.no_grad():
        lm.final_norm.bias[0] += 5
        lm.embed.weight[EOS, 0] -= bias / 5
        lm.embed.weight[4:, 0] = 0
    return lm


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("bias", [-1.0, 0.5, 2.0])
def test_a_wide_beam_finds_the_best_sequence(length_penalty: float, bias: float) -> None:
    lm = hesitant_lm(bias)
    objective, asked = objective_of(SEQUENCE, lm), sequences(5, 3, 5, 8, 9, 4, 12, 20)
    found = decode(objective, asked, Search(beam=64, length_penalty=length_penalty, max_length=3))
    brute = Brute(objective, lm)
    assert_same(found, [brute.best_sequence(s, 3, length_penalty) for s in asked])
    if length_penalty == 2.0 and bias == 2.0:
        assert max(len(a.labels) for a in found) == 3


def test_a_beam_of_one_is_greedy() -> None:
    lm = hesitant_lm(4.0)
    objective, asked = objective_of(SEQUENCE, lm), sequences(6, 4, 9, 6)
    found = decode(objective, asked, Search(beam=1, max_length=6))
    brute = Brute(objective, lm)
    for sequence, answer in zip(asked, found, strict=True):
        path: tuple[int, ...] = ()
        score = 0.0
        while True:
            logp = brute.logp(sequence, path)
            best = int(np.argmax(logp)) if len(path) < 6 else 3
            score += logp[best]
            if best == 3:
                break
            path = (*path, best)
        assert answer.labels == path
        assert answer.score == pytest.approx(score, abs=1e-5)
    assert max(len(a.labels) for a in found) > 1


@pytest.mark.parametrize("answers", [SLOTS, SEQUENCE], ids=["slots", "sequence"])
@pytest.mark.parametrize("beam", [1, 4])
def test_neighbours_never_change_an_answer(answers: Answers, beam: int) -> None:
    objective = objective_of(answers, hesitant_lm(3.0))
    asked = sequences(30, 5, 5, 38, 7, 12, 5, 37, 12)
    search = Search(beam=beam, max_length=9)
    alone = [decode(objective, [s], search)[0] for s in asked]
    for batch_tokens in (1, 40, 100_000):
        assert_same(decode(objective, asked, search, batch_tokens=batch_tokens), alone)


@pytest.mark.parametrize("beam", [1, 3])
def test_the_limits_of_each_utterance_are_its_own(beam: int) -> None:
    """An LM that never ends by itself is cut at max_length, or where the positions end."""
    objective = objective_of(SEQUENCE, hesitant_lm(300.0))
    asked = sequences(39, 5, 40, 36, 30)
    found = decode(objective, asked, Search(beam=beam, max_length=4))
    assert [len(a.labels) for a in found] == [1, 4, 0, 4, 4]
    assert all(a.score < -50 for a in found), "the forced end is paid for"
    long = decode(objective, asked, Search(beam=beam, max_length=30))
    assert [len(a.labels) for a in long] == [1, 30, 0, 4, 10]


def test_nothing_asked_nothing_answered() -> None:
    assert decode(objective_of(SLOTS), [], Search()) == []
    assert decode(objective_of(SEQUENCE), [], Search()) == []


@pytest.mark.parametrize("length", [0, 2], ids=["no-prompts", "prompts"])
@pytest.mark.parametrize("n_asking", [1, 100], ids=["few-steps", "many-steps"])
def test_cached_steps_equal_full_recomputation(length: int, n_asking: int) -> None:
    objective = objective_of(SLOTS, length=length)
    frozen, prompts = objective.frozen, objective.prompts.kv(objective.frozen)
    vectors = objective.prompts.vectors(frozen)
    asked, beam = sequences(5, 3, 5, 8), 2
    batch = pack(asked, [1] * 4)
    hidden, past = frozen.read(batch, vectors, prompts, n_asking)
    torch.testing.assert_close(hidden, frozen(batch, vectors, prompts), atol=1e-6, rtol=1e-5)
    assert isinstance(past.layers[-1].own, Unprojected if n_asking == 1 else Projected)
    cache = Cache(frozen, past, room=3, beam=beam)
    random = np.random.default_rng(0)
    told: list[list[int]] = [[] for _ in range(4 * beam)]
    for step in range(3):
        if step == 2:  # both rows of each utterance go on from its second
            cache.reorder(torch.tensor([1, 1, 3, 3, 5, 5, 7, 7]))
            told = [list(told[i]) for i in (1, 1, 3, 3, 5, 5, 7, 7)]
        tokens = random.integers(4, 16, size=4 * beam)
        for row, token in zip(told, tokens, strict=True):
            row.append(int(token))
        found = cache.step(torch.from_numpy(tokens), vectors)
        for place, hidden in enumerate(found):
            whole = np.concatenate([asked[batch.order[place // beam]], told[place]])
            wanted = frozen(pack([whole], [1 + len(told[place])]), vectors, prompts)[-1]
            torch.testing.assert_close(hidden, wanted, atol=1e-6, rtol=1e-5)
