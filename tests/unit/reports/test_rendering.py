from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.comparison import Comparison, compare
from reports.published import REFERENCES
from reports.reading import read_runs
from reports.rendering import render
from tests.unit.reports.conftest import WriteRun


@pytest.fixture
def comparison(write_run: WriteRun, tmp_path: Path) -> Comparison:
    write_run("1", value=0.94567, n_trainable=77160)
    write_run("2", value=0.25, method="majority", seed=0, n_trainable=0)
    write_run("3", value=0.35, method="majority", seed=1, n_trainable=0)
    write_run("4", value=0.5, corpus={"name": "other", "fingerprint": "x"})
    return compare(read_runs([tmp_path / "runs"]))


def test_terminal(comparison: Comparison) -> None:
    shown = """\
method             ks accuracy, % ↑  trained
-----------  ----------------------  -------
majority     30.00 ± 7.07 (2 seeds)        0
prompt on g   94.57 [84.57, 104.57]   77,160

ks: corpus ks (train 3, valid 2, test 2 utterances)
in brackets: 95 % bootstrap interval over the test set; ±: standard deviation over seeds; \
trained: parameters that received a gradient

ks: corpus 'other', not 'ks'; scores on different data do not compare

method           ks accuracy, % ↑  trained
-----------  --------------------  -------
prompt on g  50.00 [40.00, 60.00]       10

ks: corpus other (train 3, valid 2, test 2 utterances)
in brackets: 95 % bootstrap interval over the test set; \
trained: parameters that received a gradient
"""
    assert render(comparison, "terminal") == shown


def test_markdown_to_paste_with_every_row_told_apart(write_run: WriteRun, tmp_path: Path) -> None:
    frequency, learnable = ({"verbalizer": name} for name in ("frequency", "learnable"))
    write_run("1", options={**frequency, "lr": 0.05}, value=0.9456, n_trainable=77160)
    write_run("2", options={**learnable, "lr": 0.05}, value=0.96)
    random = {"name": "g|random", "fingerprint": "ef" * 32}
    write_run("3", options={**frequency, "lr": 0.05}, value=0.1, model=random)
    write_run("4", method="majority", value=0.08, n_trainable=0)
    write_run("5", task="asr", options={**frequency, "lr": 0.01}, value=0.6, metric="wer")
    runs = compare(read_runs([tmp_path / "runs"]), REFERENCES["paper"])
    assert (
        render(runs, "markdown")
        == """\
| method | asr WER, % ↓ | trained | ks accuracy, % ↑ | trained |
| --- | ---: | ---: | ---: | ---: |
| majority |  |  | 8.00 [-2.00, 18.00] | 0 |
| prompt on g\\|random verbalizer=frequency |  |  | 10.00 [0.00, 20.00] | 10 |
| prompt on g verbalizer=frequency | 60.00 [50.00, 70.00] | 10 | 94.56 [84.56, 104.56] | 77,160 |
| prompt on g verbalizer=learnable |  |  | 96.00 [86.00, 106.00] | 10 |
| *HuBERT prompt tuning* [quoted 1] | *34.17* | *4.5M* | *95.16* | *0.08M* |
| *HuBERT downstream model* [quoted 2] | *6.42* | *43M* | *96.30* | *0.2M* |
| *CPC prompt tuning* [quoted 1] | *59.41* | *4.5M* | *93.54* | *0.05M* |
| *CPC downstream model* [quoted 2] | *20.18* | *42.5M* | *91.88* | *0.07M* |

- asr: corpus asr (train 3, valid 2, test 2 utterances)
- ks: corpus ks (train 3, valid 2, test 2 utterances)
- in brackets: 95 % bootstrap interval over the test set; \
trained: parameters that received a gradient
- differs between tasks: prompt: lr 0.01 (asr), 0.05 (ks)
- [quoted 1] not run here; scores and parameters as published: \
Chang et al., Interspeech 2022, arXiv:2203.16773
- [quoted 2] not run here; scores and parameters as published: \
Yang et al., Interspeech 2021 (SUPERB), as quoted in arXiv:2203.16773
"""
    )


def test_quoted_rows_stand_only_beside_whole_sets_of_their_tasks(
    write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("1", shots=5)
    write_run("2", task="lid")
    runs = compare(read_runs([tmp_path / "runs"]), REFERENCES["paper"])
    assert "quoted" not in render(runs, "terminal")


def test_quoted_rows_in_the_terminal_are_marked(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("1")
    runs = compare(read_runs([tmp_path / "runs"]), REFERENCES["paper"])
    shown = [line for line in render(runs, "terminal").splitlines() if "HuBERT" in line]
    assert [" ".join(line.split()) for line in shown] == [
        "HuBERT prompt tuning [quoted 1] 95.16 0.08M",
        "HuBERT downstream model [quoted 2] 96.30 0.2M",
    ]


def test_json_is_unrounded_and_keeps_quotes_apart_from_runs(comparison: Comparison) -> None:
    content = json.loads(render(comparison, "json"))
    assert content["tables"][0]["cells"][1][0]["value"] == 0.94567
    assert len(content["tables"]) == 2
    assert content["quoted"] == []
    quoted = Comparison(tables=(), left_out=(), quoted=REFERENCES["paper"])
    first = json.loads(render(quoted, "json"))["quoted"][0]
    assert first["source"] == "Chang et al., Interspeech 2022, arXiv:2203.16773"
    assert first["scores"]["ic"] == {"metric": "accuracy", "value": 0.984, "n_trainable": 150000}


def test_nothing_finished_is_said() -> None:
    nothing = Comparison(tables=(), left_out=(("runs/a", "failed: disk full"),))
    assert render(nothing, "terminal") == "Not shown:\nruns/a: failed: disk full\n"
