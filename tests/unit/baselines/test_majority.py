from __future__ import annotations

import json
import math

import pytest
from safetensors import safe_open

from baselines.majority import Majority, MajorityOptions
from tests.unit.baselines.conftest import MakeJob


def test_the_most_frequent_answer_equals_resolved_by_order(make_job: MakeJob) -> None:
    job = make_job("ks", [("b",), ("a",), ("b",), ("a",), ("c",)])
    method = Majority(job, MajorityOptions())
    record = method.train()
    predictions = method.predict(job.corpus.test)
    assert [p.symbols for p in predictions] == [("a",)] * len(job.corpus.test)
    assert predictions[0].score == pytest.approx(math.log(2 / 5))
    assert record.search == [{"valid_exact": pytest.approx(2 / 5)}]
    assert (method.n_trainable, method.describe().n_total) == (0, 0)


def test_a_sequence_task_gets_the_most_frequent_full_answer(make_job: MakeJob) -> None:
    answers = [tuple("ab|c"), tuple("aaa"), tuple("ab|c"), tuple("aab")]
    job = make_job("asr", answers)
    method = Majority(job, MajorityOptions())
    method.train()
    assert method.predict(job.corpus.test)[0].symbols == tuple("ab|c")


def test_what_is_saved_can_be_read_back(make_job: MakeJob) -> None:
    job = make_job("ks", [("a",), ("a",), ("b",)])
    method = Majority(job, MajorityOptions())
    method.train()
    stored = method.save()
    file = job.folder / "model.safetensors"
    assert stored == file.stat().st_size
    with safe_open(str(file), framework="np") as content:
        assert content.get_tensor("counts").tolist() == [2, 3]
        assert json.loads(content.metadata()["answer"]) == ["a"]
