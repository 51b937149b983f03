from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import DataError, MissingError, UsageError
from tasks.corpora import open_corpus
from tasks.ic import IC
from tasks.ks import KS
from tasks.sf import SF
from tasks.slot_text import slots_in
from tasks.spec import TaskSpec


def make(root: Path, n: int = 10) -> Path:
    rows = {
        f"{i}.flac": {
            "intent": "orderDrink",
            "slots": {"coffeeDrink": "iced mocha", "size": " small"}
            | ({"numberOfShots": "double shot"} if i % 2 else {}),
        }
        for i in range(n)
    }
    (root / "clips").mkdir(parents=True)
    (root / "labels.json").write_text(json.dumps(rows))
    return root


def test_orders_as_intents_and_as_slots(tmp_path: Path) -> None:
    root = make(tmp_path / "c")
    intents = open_corpus("coffee", IC, root=root)
    assert [len(s) for s in (intents.train, intents.valid, intents.test)] == [6, 2, 2]
    every = [*intents.train, *intents.valid, *intents.test]
    assert {u.id: u.symbols for u in every} == {
        f"{i}.flac": ("orderDrink", "double shot" if i % 2 else "none", "none") for i in range(10)
    }
    assert every[0].audio == root / "clips" / every[0].id
    orders = open_corpus("coffee", SF, root=root)
    for u in orders.train:
        shots = [("numberOfShots", "double shot")] if int(u.id[0]) % 2 else []
        wanted = [("size", "small"), *shots, ("coffeeDrink", "iced mocha")]
        assert slots_in(u.symbols, without_inner_tags=False) == wanted


def test_what_is_no_such_corpus(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs --root"):
        open_corpus("coffee", IC)
    with pytest.raises(UsageError, match="not ks"):
        open_corpus("coffee", KS, root=tmp_path)
    with pytest.raises(MissingError, match="cannot be read"):
        open_corpus("coffee", IC, root=tmp_path)
    for text, told in (
        ("[", "no map of files"),
        ('{"a": 1}', "no map of files"),
        ("{}", "too few"),
        (json.dumps({x: {"intent": "o", "slots": {"milk": "x"}} for x in "abc"}), "types: milk"),
        (json.dumps({"\ud83d": {"intent": "o", "slots": {}}}), "clip's name .* cannot be written"),
        (json.dumps({"a": {"intent": "o", "slots": {"size": "\ud83d"}}}), "a: .* cannot be writ"),
    ):
        (tmp_path / "labels.json").write_text(text)
        with pytest.raises(DataError, match=told):
            open_corpus("coffee", IC, root=tmp_path)


@pytest.mark.parametrize(
    ("task", "row", "told"),
    [
        (SF, {"intent": "o", "slots": {}}, r"labels\.json: clip '1.flac': the text is empty"),
        (IC, {"intent": "o ", "slots": {}}, r"labels\.json: clip '1.flac': .* with blanks"),
    ],
)
def test_a_clip_that_is_no_answer_is_named(
    tmp_path: Path, task: TaskSpec, row: dict[str, object], told: str
) -> None:
    root = make(tmp_path / "c")
    rows = json.loads((root / "labels.json").read_text())
    (root / "labels.json").write_text(json.dumps(rows | {"1.flac": row}))
    corpus = open_corpus("coffee", task, root=root)
    with pytest.raises(DataError, match=told):
        corpus.labels_check()
