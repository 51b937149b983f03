from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import DataError
from bench.utterance_statistics import Ratio, UtteranceStatistics, digest_of, load_statistics
from tasks.metrics.per_utterance import utterance_statistics
from tasks.registry import TASKS


def test_a_file_holds_what_the_metrics_are_made_of(tmp_path: Path) -> None:
    spell = TASKS.get("asr").symbols_of
    references = [spell({"text": "one two"}), spell({"text": "three"})]
    hypotheses = [spell({"text": "one too"}), spell({"text": "three"})]
    made = utterance_statistics(TASKS.get("asr"), ["a", "b"], references, hypotheses, ["x", "y"])
    file = tmp_path / "statistics.json"
    file.write_text(made.to_json())
    read = load_statistics(file)
    assert read == made
    assert read.metrics == {
        "wer": Ratio(higher_is_better=False, numerator=[1, 0], denominator=[2, 1]),
        "cer": Ratio(higher_is_better=False, numerator=[1, 0], denominator=[7, 5]),
    }
    assert read.speakers == [0, 1]
    assert read.utterances == digest_of([("a", "one two"), ("b", "three")])
    assert '"numerator":[1,0]' in made.to_json()


def test_labels_share_a_denominator_and_an_unknown_speaker_leaves_none() -> None:
    answers = [("a",), ("b",), ("b",)]
    made = utterance_statistics(
        TASKS.get("ks"), ["1", "2", "3"], answers, [("a",), ("b",), ("a",)], ["x", None, "y"]
    )
    assert made.speakers is None
    assert set(made.metrics) == {"accuracy"}
    assert made.metrics["accuracy"].denominator == 1
    assert made.metrics["accuracy"].numerator == [1, 1, 0]


def test_other_utterances_or_another_order_have_another_digest() -> None:
    digests = {
        digest_of(pairs)
        for pairs in (
            [("a", "1"), ("b", "2")],
            [("b", "2"), ("a", "1")],
            [("a", "1"), ("b", "1")],
            [("a", "1")],
        )
    }
    assert len(digests) == 4


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "statistics.json"
    assert load_statistics(file) is None
    good = UtteranceStatistics(
        utterances="x",
        n=2,
        metrics={"wer": Ratio(higher_is_better=False, numerator=[1, 0], denominator=1)},
    )
    for fault in ({"n": 3}, {"speakers": [1]}, {"metrics": None}, {"more": 1}):
        file.write_text(json.dumps({**json.loads(good.to_json()), **fault}))
        with pytest.raises(DataError, match=r"statistics\.json: is no statistics"):
            load_statistics(file)
    file.write_text(good.to_json()[:-20])
    with pytest.raises(DataError, match="is no statistics"):
        load_statistics(file)
