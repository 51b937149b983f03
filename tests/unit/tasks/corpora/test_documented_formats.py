"""The examples of docs/corpora.md are what the readers read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tasks.corpora.manifest import CARD, FIELDS, CorpusCard, read_card, read_manifest
from tasks.corpora.units import read_units
from tasks.registry import TASKS
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "corpora.md").read_text("utf-8")
TASK_OF = {"a": "ks", "b": "lid", "c": "ic", "d": "asr", "e": "sf"}
UNITS_TASK_OF = {"a": "ks", "b": "ic", "c": "asr", "d": "sf"}


def rows() -> list[str]:
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    return re.sub(r",\n\s+", ", ", "".join(blocks)).splitlines()


def test_the_card_can_be_read_and_its_fields_are_told(tmp_path: Path) -> None:
    (card,) = [row for row in rows() if '"licence"' in row]
    (tmp_path / CARD).write_text(card)
    assert read_card(tmp_path / CARD).task == "ks"
    required = {name for name, f in CorpusCard.model_fields.items() if f.is_required()}
    assert set(json.loads(card)) == required


@pytest.mark.parametrize(("letter", "task"), TASK_OF.items())
def test_a_manifest_line_is_an_utterance(letter: str, task: str, tmp_path: Path) -> None:
    (row,) = [row for row in rows() if row.startswith(f'{{"id": "{letter}')]
    (tmp_path / "train.jsonl").write_text(row + "\n")
    (utterance,) = read_manifest(tmp_path / "train.jsonl", TASKS.get(task)).utterances
    assert utterance.symbols


def test_every_field_of_a_manifest_is_told() -> None:
    table = PAGE[PAGE.index("| field |") : PAGE.index("**Audio**")]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("|")]
    told = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert told == set(FIELDS)


@pytest.mark.parametrize(("letter", "task"), UNITS_TASK_OF.items())
def test_a_units_line_is_an_utterance(letter: str, task: str, tmp_path: Path) -> None:
    (line,) = re.findall(rf"^{letter}\.wav\|.*$", PAGE, re.MULTILINE)
    (tmp_path / "train.txt").write_text(line + "\n")
    (utterance,) = read_units(tmp_path / "train.txt", TASKS.get(task)).utterances
    assert utterance.units is not None
    if task == "sf":
        row = next(json.loads(row) for row in rows() if row.startswith('{"id": "e'))
        row |= {"text": "fly to new york"}
        assert utterance.symbols == TASKS.get(task).symbols_of(row)
