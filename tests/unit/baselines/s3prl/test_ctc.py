from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from baselines.s3prl.containment import seeded
from baselines.s3prl.ctc_decoding import BeamSettings, beam_decoder, greedy
from baselines.s3prl.ctc_model import CtcModel, ctc_loss, log_probability
from baselines.s3prl.recurrent_head import SUPERB, Size, standardized
from bench.errors import MissingError, UsageError
from tasks.labels import Labels

TINY = Size(proj=6, hidden=5, dropout=0.2, standardizes=True, samples_a_step=640)
BEAM = BeamSettings(beam=200, kenlm=None, lm_weight=2.0, word_score=0.0)


def labels(*symbols: str) -> Labels:
    return Labels(groups=(symbols,), counts=((1,) * len(symbols),))


def model(stride: int = 160, *, spec_augment: bool = True, n_layers: int = 2) -> CtcModel:
    with seeded(3):
        return CtcModel(n_layers, 12, stride, 4, TINY, spec_augment=spec_augment)


def scores(n_steps: int, n_outputs: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(n_steps, n_outputs, generator=generator)).log_softmax(dim=-1)


def frames(*lengths: int, n_layers: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    padded = torch.randn(n_layers, len(lengths), max(lengths), 12, generator=generator)
    for i, n in enumerate(lengths):
        padded[:, i, n:] = 0
    return padded, torch.tensor(lengths)


def test_an_utterances_scores_do_not_depend_on_its_neighbours() -> None:
    head = model().eval()
    padded, lengths = frames(20, 7, 12)
    together, steps = head(padded, lengths)
    assert steps.tolist() == [5, 2, 3], "four frames of 10 ms are joined"
    for i, n in enumerate(lengths.tolist()):
        alone, _ = head(padded[:, i : i + 1, :n], lengths[i : i + 1])
        assert torch.allclose(alone[0], together[i, : steps[i]], atol=1e-6)
    assert model(stride=320).eval()(padded, lengths)[1].tolist() == [10, 4, 6]
    assert model(stride=640).eval()(padded, lengths)[1].tolist() == [20, 7, 12]


def test_features_are_standardized_within_their_utterance() -> None:
    padded, lengths = frames(20, 7)
    hidden = 3 * padded[0] + 8
    hidden[:, :, 2] = 5.0
    found = standardized(hidden, lengths)
    for i, n in enumerate(lengths.tolist()):
        mine = found[i, :n]
        varying = mine[:, [k for k in range(mine.shape[1]) if k != 2]]
        assert torch.allclose(varying.mean(dim=0), torch.tensor(0.0), atol=1e-5)
        assert torch.allclose(varying.std(dim=0, correction=0), torch.tensor(1.0), atol=1e-3)
        assert torch.equal(mine[:, 2], torch.zeros(n)), "a constant feature says nothing"
    assert not found[1, 7:].any()
    small, large = model().eval(), model(stride=640).eval()
    for head in (small, large):
        scaled = 4 * padded - 9
        assert torch.allclose(head(padded, lengths)[0][0], head(scaled, lengths)[0][0], atol=1e-4)


def test_training_masks_features_by_the_seed_and_leaves_the_input_alone() -> None:
    head = model()
    padded, lengths = frames(20, 7)
    before = padded.clone()
    found = []
    for seed in (1, 1, 2):
        with seeded(seed):
            found.append(head(padded, lengths)[0])
    assert torch.equal(padded, before)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    single = model(n_layers=1)
    one, lengths = frames(20, 7, n_layers=1)
    before = one.clone()
    single(one, lengths)
    assert torch.equal(one, before), "one layer is not copied by a weighted sum"


def test_every_parameter_is_trained() -> None:
    head = model(spec_augment=False)
    padded, lengths = frames(20, 14)
    found, steps = head(padded, lengths)
    torch.autograd.backward(ctc_loss(found, steps, [[0, 1], [2, 2, 3]]))
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in head.parameters())
    assert head.n_head_parameters == sum(p.numel() for p in head.parameters()) - 2


@pytest.mark.parametrize(("dim", "n"), [(240, 42_286_111), (768, 42_826_783)])
def test_superbs_head_has_its_published_size(dim: int, n: int) -> None:
    """31 outputs: s3prl's 28 characters and three specials."""
    with torch.device("meta"):
        head = CtcModel(1, dim, 320, 30, SUPERB, spec_augment=True)
    assert head.n_head_parameters == n


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(output - 1 for output, _ in itertools.groupby(path) if output)


def brute_force(found: Tensor) -> dict[tuple[int, ...], float]:
    n_steps, n_outputs = found.shape
    totals: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(n_outputs), repeat=n_steps):
        p = math.exp(sum(float(found[t, output]) for t, output in enumerate(path)))
        totals[collapsed(path)] = totals.get(collapsed(path), 0.0) + p
    return totals


@pytest.mark.parametrize("seed", range(6))
def test_scores_and_beam_against_all_paths(seed: int) -> None:
    found = scores(5, 4, seed)
    totals = brute_force(found)
    for answer in [*list(totals)[:20], ()]:
        expected = math.log(totals[answer])
        assert log_probability(found, list(answer)) == pytest.approx(expected, abs=1e-5)
    best = max(totals, key=lambda answer: totals[answer])
    decode = beam_decoder(BEAM, labels("a", "b", "c"), [])
    assert tuple(decode(found)) == best
    assert tuple(greedy(found)) == collapsed(tuple(found.argmax(dim=1).tolist()))


def test_an_impossible_answer_has_probability_zero() -> None:
    assert log_probability(scores(3, 3, 0), [0, 0, 0]) == -math.inf


ARPA = """\\data\\
ngram 1=5
ngram 2=4

\\1-grams:
-1.0\t<unk>
-99\t<s>\t-0.1
-1.0\t</s>
-0.7\tab\t-0.1
-0.7\tac\t-0.1

\\2-grams:
-0.1\t<s> ab
-2.0\tab ab
-0.1\tab ac
-2.0\tab </s>

\\end\\
"""


def spelled(*path: str, sure: float = 0.9) -> Tensor:
    """Scores that spell a path of symbols; `_` is the blank."""
    outputs = "_|abc"
    rows = [[(1 - sure) / 4] * 5 for _ in path]
    for row, symbols in zip(rows, path, strict=True):
        for symbol in symbols:
            row[outputs.index(symbol)] = sure / len(symbols)
    return torch.tensor(rows).log()


def test_a_language_model_chooses_between_words(tmp_path: Path) -> None:
    (tmp_path / "lm.arpa").write_text(ARPA)
    known = labels("|", "a", "b", "c")
    answers = [tuple("ab|ac")]
    settings = BeamSettings(beam=50, kenlm=tmp_path / "lm.arpa", lm_weight=2.0, word_score=0.0)
    decode = beam_decoder(settings, known, answers)
    unsure = spelled("a", "b", "|", "a", "bc")
    assert known.symbols(decode(unsure)) == tuple("ab|ac")
    assert known.symbols(decode(spelled("a", "_", "b", "|", "_", "a", "b", sure=0.999))) == tuple(
        "ab|ab"
    )
    mumbled = spelled("a", "b", "|", "a", "a", sure=0.5)
    assert known.symbols(decode(mumbled)) == tuple("ab|ac"), "`a` alone is no word"


def test_a_language_model_that_cannot_be_used(tmp_path: Path) -> None:
    settings = BeamSettings(beam=5, kenlm=tmp_path / "no", lm_weight=1.0, word_score=0.0)
    with pytest.raises(MissingError, match="no such language model"):
        beam_decoder(settings, labels("|", "a"), [("a",)])
    (tmp_path / "no").write_text("junk")
    with pytest.raises(UsageError, match="cannot be read"):
        beam_decoder(settings, labels("|", "a"), [("a",)])
    with pytest.raises(UsageError, match="several words"):
        beam_decoder(settings, labels("b", "a"), [("a",)])
