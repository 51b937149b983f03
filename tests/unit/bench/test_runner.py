from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from baselines.majority import Majority
from bench.config import RunRequest
from bench.errors import DataError, RunFailedError, UsageError
from bench.method import Prediction
from bench.progress import Progress
from bench.records import load_record
from bench.runner import Outcome, run
from tasks.corpora.utterance import Utterance
from tests.conftest import UnitsFolder


@pytest.fixture
def request_for(units_folder: UnitsFolder, tmp_path: Path) -> RunRequest:
    corpus = units_folder("ks", n_train=20, n_valid=5, n_test=10)
    return RunRequest(method="majority", task="ks", corpus=str(corpus), out=tmp_path / "runs")


def run_with(request: RunRequest, **changes: Any) -> Outcome:
    return run(request.model_copy(update=changes), Progress(quiet=True))


def test_seed_and_data_lead_to_folders_of_their_own(request_for: RunRequest) -> None:
    outcomes = [
        run_with(request_for),
        run_with(request_for, seed=1),
        run_with(request_for, shots=2),
        run_with(request_for, subset=8),
        run_with(request_for, precision="fp32"),
    ]
    assert len({outcome.folder for outcome in outcomes}) == 5
    assert all(outcome.fresh for outcome in outcomes)
    again = run_with(request_for)
    assert not again.fresh
    assert again.record == outcomes[0].record


def test_predictions_are_written_before_they_are_scored(
    request_for: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise DataError("no score")

    monkeypatch.setattr("bench.runner.score", fail)
    with pytest.raises(DataError, match="no score"):
        run_with(request_for)
    (folder,) = request_for.out.iterdir()
    lines = (folder / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 10
    assert set(json.loads(lines[0])) == {"id", "reference", "hypothesis", "score"}
    record = load_record(folder)
    assert (record.status, record.error) == ("failed", "no score")
    assert record.train is not None
    assert record.stored_bytes is not None


def test_a_method_that_leaves_utterances_out_fails_the_run(
    request_for: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Majority.predict

    def short(method: Majority, utterances: Sequence[Utterance]) -> list[Prediction]:
        answers = whole(method, utterances)
        return answers if len(answers) == 5 else answers[1:]

    monkeypatch.setattr(Majority, "predict", short)
    with pytest.raises(RunFailedError, match="gave 9 answers to 10 utterances"):
        run_with(request_for)


def test_running_out_of_memory_says_what_needs_less(
    request_for: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(method: Majority) -> None:
        raise MemoryError

    monkeypatch.setattr(Majority, "train", train)
    with pytest.raises(RunFailedError, match=r"during training\n  a smaller --batch-tokens"):
        run_with(request_for)
    (folder,) = request_for.out.iterdir()
    assert load_record(folder).error == "out of memory during training"


def test_what_cannot_work_leaves_no_folder(request_for: RunRequest) -> None:
    with pytest.raises(UsageError, match="has no option --c"):
        run_with(request_for, options={"c": 1})
    with pytest.raises(UsageError, match="uses no gslm"):
        run_with(request_for, gslm="g")
    assert not request_for.out.exists()
