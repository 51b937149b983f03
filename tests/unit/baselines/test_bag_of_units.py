from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from baselines.bag_of_units import BagOfUnits, BagOfUnitsOptions
from baselines.majority import MajorityOptions
from bench.errors import DataError, UsageError
from bench.method import Job
from tests.unit.baselines.conftest import MakeJob

ANSWERS = [("x", "l", "r"), ("y", "l", "r"), ("y", "m", "none")] * 4
UNITS = [[1, 2, 3], [2, 1, 3], [3, 2, 1]] * 4


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job("ic", ANSWERS, UNITS)


def test_order_of_units_is_what_n_grams_see(job: Job) -> None:
    """The three classes hold the same units in different order."""
    method = BagOfUnits(job, BagOfUnitsOptions(ngrams=1))
    method.train()
    assert len({prediction.symbols for prediction in method.predict(job.corpus.test)}) == 1
    method = BagOfUnits(job, BagOfUnitsOptions(ngrams=2))
    record = method.train()
    answers = [prediction.symbols for prediction in method.predict(job.corpus.test)]
    assert answers == ANSWERS
    assert record.search[0]["valid_exact"] == 1.0


def test_scores_are_log_probabilities_of_the_joint_answer(job: Job) -> None:
    method = BagOfUnits(job, BagOfUnitsOptions(c=0.01))
    method.train()
    scores = np.exp([prediction.score for prediction in method.predict(job.corpus.test)])
    assert np.all(scores > 1 / 3)
    assert np.all(scores < 0.5), "a strong penalty leaves every class about equally likely"
    assert method.predict([]) == []


def test_coefficients_and_intercepts_are_counted_and_stored(job: Job) -> None:
    method = BagOfUnits(job, BagOfUnitsOptions(ngrams=1))
    method.train()
    assert method.n_trainable == 3 * 3 + 3
    method.save()
    with safe_open(str(job.folder / "model.safetensors"), framework="np") as content:
        weights = content.get_tensor("coefficients")
        meaning = json.loads(content.metadata()["vocabulary"])
    assert weights.shape == (3, 3)
    assert meaning["ngrams"] == ["1", "2", "3"]
    assert [tuple(answer) for answer in meaning["answers"]] == sorted(set(ANSWERS))


def test_the_stored_file_is_the_same_byte_for_byte(job: Job) -> None:
    files = []
    for _ in range(2):
        method = BagOfUnits(job, BagOfUnitsOptions())
        method.train()
        method.save()
        files.append((job.folder / "model.safetensors").read_bytes())
    assert files[0] == files[1]


def test_two_classes_work_like_more(make_job: MakeJob) -> None:
    job = make_job("ks", [("a",), ("b",)] * 3, [[1, 2], [3, 4]] * 3)
    method = BagOfUnits(job, BagOfUnitsOptions())
    method.train()
    assert [p.symbols for p in method.predict(job.corpus.test)] == [("a",), ("b",)] * 3


def test_a_bag_gives_no_sequence(make_job: MakeJob) -> None:
    with pytest.raises(UsageError, match=r"cannot solve 'asr'.*\n.*`majority`"):
        BagOfUnits(make_job("asr", [("a",), ("b",)]), BagOfUnitsOptions())


def test_what_does_not_fit_is_refused_before_any_work(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.txt:1: utterance 'u0' has no units"):
        BagOfUnits(make_job("ks", [("a",), ("b",)], audio=True), BagOfUnitsOptions())
    with pytest.raises(DataError, match="one answer only: a"):
        BagOfUnits(make_job("ks", [("a",), ("a",)]), BagOfUnitsOptions())
    with pytest.raises(TypeError, match="MajorityOptions"):
        BagOfUnits(make_job("ks", [("a",), ("b",)]), MajorityOptions())
    method = BagOfUnits(make_job("ks", [("a",), ("b",)]), BagOfUnitsOptions(min_count=9))
    with pytest.raises(DataError, match=r"occurs in 9 training utterances\n.*--min-count"):
        method.train()
    assert list(tmp_path.iterdir()) == []
