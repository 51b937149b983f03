from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.checkpoint import load_checkpoint, save_checkpoint
from bench.errors import CheckpointError, StorageError

TENSORS = {"a": torch.arange(6.0).view(2, 3).t(), "b": torch.tensor(7), "none": torch.zeros(2, 0)}
STATE = {"seed": 3, "options": {"lr": 0.1, "names": ("x", "y")}, "epoch": 2, "score": 0.1 + 0.2}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint" / "state.safetensors"
    save_checkpoint(path, TENSORS, STATE)
    return path


def test_what_was_saved_is_loaded_exactly(path: Path) -> None:
    found = load_checkpoint(path, what={"seed": 3, "options": STATE["options"]})
    assert found is not None
    assert found.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found.tensors[name].equal(tensor), name
    assert found.state["score"] == 0.1 + 0.2


def test_there_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "no" / "state.safetensors", what={}) is None


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"seed": 4}, "was written with seed = 3, this run has 4"),
        ({"gslm": "abc"}, "was written with gslm = None, this run has 'abc'"),
        ({"seed": 3, "options": {"lr": 0.2}}, "was written with options = "),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(
    path: Path, what: dict[str, object], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(path, what=what)
    assert caught.value.where == str(path)
    assert caught.value.hint is not None
    assert "--overwrite" in caught.value.hint


@pytest.mark.parametrize("n_bytes", [0, 5, 100, -1])
def test_a_truncated_checkpoint(path: Path, n_bytes: int) -> None:
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path, what={})


def test_a_file_without_a_state(path: Path) -> None:
    from safetensors.torch import save_file

    for metadata in (None, {"other": "x"}, {"state": "{"}):
        save_file({"a": torch.ones(1)}, path, metadata)
        with pytest.raises(CheckpointError, match="cannot be read"):
            load_checkpoint(path, what={})


def test_what_a_killed_writer_left_is_cleared(path: Path) -> None:
    leaving = path.with_name(f".{path.name}.1-0123abcd.tmp")
    leaving.write_bytes(b"half")
    assert load_checkpoint(path, what={}) is not None
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(StorageError, match="No space left"):
            save_checkpoint(path, TENSORS, STATE | {"epoch": 3})
    found = load_checkpoint(path, what={})
    assert found is not None
    assert found.state["epoch"] == 2
