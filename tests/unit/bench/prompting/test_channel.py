from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor

from bench.errors import UsageError
from bench.gslm.card import BOS, EOS
from bench.gslm.folder import save_gslm
from bench.gslm.packing import Packed, pack
from bench.prompting.channel import WEIGHT, ChannelObjective, ChannelPrompts
from bench.prompting.decoding import Search, decode
from bench.prompting.frozen import FrozenLM
from bench.prompting.method import PromptMethod, PromptOptions
from bench.prompting.objective import Answers
from tasks.corpora.corpus import Corpus
from tasks.corpora.utterance import Utterance
from tasks.registry import TASKS
from tests.jobs import job_on
from tests.unit.bench.gslm.models import SMALL, gslm_of, plain_hidden, random_lm

ROWS = np.array([7, 5, 9])
LENGTHS = [3, 8, 5, 8, 4]


@pytest.fixture
def objective() -> ChannelObjective:
    prompts = ChannelPrompts(SMALL, 2, len(ROWS)).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in prompts.parameters():
            p.copy_(0.5 * torch.randn(p.shape, generator=generator))
    answers = Answers(ROWS, (range(len(ROWS)),), is_sequence=False)
    return ChannelObjective(FrozenLM(random_lm(), torch.float64), prompts, answers)


def utterances() -> list[NDArray[np.int64]]:
    """`</s> u_1 ... u_T <s>` of `LENGTHS` in all."""
    draws = np.random.default_rng(2)
    return [np.concatenate([[EOS], draws.integers(4, 16, n - 2), [BOS]]) for n in LENGTHS]


def packed() -> Packed:
    return pack(utterances(), [1] * len(LENGTHS))


def plain_scores(objective: ChannelObjective, tokens: Tensor) -> Tensor:
    """(n_labels,) of one utterance: its units one after another, the prompts as rows before it."""
    lm, scores = random_lm(), []
    units = tokens[1:-1]
    for key, value in zip(objective.prompts.key, objective.prompts.value, strict=True):
        hidden = plain_hidden(lm, tokens[: len(units)], key=key, value=value)
        logp = torch.log_softmax(hidden @ lm.embed.weight.t(), dim=1)
        scores.append(logp[torch.arange(len(units)), units].sum())
    return WEIGHT * torch.stack(scores)


def test_a_score_is_the_likelihood_of_the_units_under_the_labels_prompts(
    objective: ChannelObjective,
) -> None:
    batch = packed()
    found = objective.scores(batch)
    for place, index in enumerate(batch.order):
        wanted = plain_scores(objective, torch.from_numpy(utterances()[index]))
        torch.testing.assert_close(found[place], wanted)


def test_loss_and_gradients_are_those_of_the_labels_competing(objective: ChannelObjective) -> None:
    batch = packed()
    labels = torch.tensor([2, 0, 1, 1, 2])
    found = objective(batch, labels)
    plain = [plain_scores(objective, torch.from_numpy(utterances()[i])) for i in batch.order]
    wanted = torch.nn.functional.cross_entropy(torch.stack(plain), labels)
    torch.testing.assert_close(found, wanted)
    parameters = list(objective.prompts.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(found, parameters), torch.autograd.grad(wanted, parameters), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_the_answer_is_the_likeliest_label_whatever_else_is_answered(
    objective: ChannelObjective,
) -> None:
    together = decode(objective, utterances(), Search())
    assert len({answer.labels for answer in together}) > 1
    for tokens, answer in zip(utterances(), together, strict=True):
        logp = torch.log_softmax(plain_scores(objective, torch.from_numpy(tokens)), dim=0)
        assert answer.labels == (int(logp.argmax()),)
        assert answer.score == pytest.approx(float(logp.max().detach()))
        (alone,) = decode(objective, [tokens], Search())
        assert alone.labels == answer.labels
        assert alone.score == pytest.approx(answer.score)


def test_at_the_start_all_labels_are_alike(objective: ChannelObjective) -> None:
    batch = pack([np.arange(4, 12)])
    objective.prompts.start(objective.frozen, batch, torch.Generator().manual_seed(0))
    seen = objective.frozen.attention_inputs(batch)
    for layer, of_layer in enumerate(seen):
        for vector in objective.prompts.key[0, layer]:
            assert any(torch.equal(vector, row) for row in of_layer)
    loss = objective(packed(), torch.tensor([0, 1, 2, 0, 1]))
    assert float(loss.detach()) == pytest.approx(math.log(len(ROWS)))


def test_dropout_is_of_the_prompts_and_drawn_by_the_generator(objective: ChannelObjective) -> None:
    def scores(seed: int) -> Tensor:
        return objective.scores(packed(), dropout=0.5, generator=np.random.default_rng(seed))

    assert torch.equal(scores(0), scores(0))
    assert not torch.equal(scores(0), scores(1))
    assert not torch.equal(scores(0), objective.scores(packed()))


def test_every_prompt_of_every_label_is_counted(objective: ChannelObjective) -> None:
    assert objective.prompts.n_trainable == 2 * len(ROWS) * SMALL.layers * 2 * SMALL.dim
    assert objective.prompts.n_trainable_paper is None


def test_there_may_be_more_labels_than_units(tmp_path: Path) -> None:
    """The channel names no label, so none needs a unit of its own."""
    small = gslm_of(random_lm())
    n_units = small.card.n_units
    save_gslm(tmp_path / "small", small.card, small.lm)
    lid = TASKS.get("lid")
    languages = [f"language {i}" for i in range(n_units + 3)]
    said = [
        Utterance(
            id=name, symbols=(name,), units=np.array([i % n_units, 3], np.int32), where="here"
        )
        for i, name in enumerate(languages)
    ]
    corpus = Corpus.of("many", lid, train=said, valid=said, test=said)
    job = job_on(corpus, tmp_path, gslm=str(tmp_path / "small"))
    method = PromptMethod(job, PromptOptions(prompt_length=1, max_epochs=1))
    method.train()
    assert {answer.symbols[0] for answer in method.predict(said)} <= set(languages)
    method.save()
    with safe_open(tmp_path / "prompt.safetensors", framework="np") as file:
        assert set(file.keys()) == {"key", "value"}
    with pytest.raises(UsageError, match=f"{n_units + 3} labels cannot each have one of {n_units}"):
        PromptMethod(job, PromptOptions(scoring="direct"))
