from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench import files
from bench.errors import CheckpointError, MissingError, StorageError
from bench.gslm import folder as folder_module
from bench.gslm.folder import load_gslm, save_gslm, untrained
from tests.unit.bench.gslm.models import gslm_of, random_lm


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    gslm = gslm_of(random_lm(dtype=torch.float32), backwards=True)
    save_gslm(tmp_path / "some" / "gslm", gslm.card, gslm.lm)
    return tmp_path / "some" / "gslm"


def change_card(folder: Path, **fields: Any) -> None:
    path = folder / "gslm.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def change_weights(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    path = folder / "lm.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


def test_what_was_saved_is_loaded(folder: Path) -> None:
    lm = random_lm(dtype=torch.float32)
    gslm = load_gslm(folder)
    assert gslm.card == gslm_of(lm, backwards=True).card
    for name, tensor in lm.state_dict().items():
        assert gslm.lm.state_dict()[name].equal(tensor), name
    assert gslm.rows_of(np.array([0, 11, 0], np.int32)).tolist() == [15, 4, 15]
    assert not list(folder.glob(".*"))


def test_the_fingerprint_is_of_content_that_decides_outputs(folder: Path, tmp_path: Path) -> None:
    fingerprint = load_gslm(folder).fingerprint
    moved = folder.rename(tmp_path / "elsewhere")
    change_card(moved, name="other", licence="MIT")
    assert load_gslm(moved).fingerprint == fingerprint
    change_card(moved, rows=list(range(4, 16)))
    rows_changed = load_gslm(moved).fingerprint
    assert rows_changed != fingerprint
    change_weights(moved, lambda w: w["layers.0.up.bias"].mul_(1.5))
    assert load_gslm(moved).fingerprint not in {fingerprint, rows_changed}


def test_bfloat16_weights_are_read_as_float32(folder: Path) -> None:
    change_weights(folder, lambda w: w.update({k: t.bfloat16() for k, t in w.items()}))
    weights = load_gslm(folder).lm.state_dict()
    assert {t.dtype for t in weights.values()} == {torch.float32}


@pytest.mark.parametrize("name", ["gslm.json", "lm.safetensors"])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(MissingError, match="missing") as caught:
        load_gslm(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights(folder: Path, share: float) -> None:
    path = folder / "lm.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"lm\.safetensors: cannot be read") as caught:
        load_gslm(folder)
    assert caught.value.hint is not None
    assert "truncated" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("final_norm.bias"), "final_norm.bias is missing"),
        (lambda w: w.update(more=torch.ones(1)), "more is unexpected"),
        (
            lambda w: w.update({"layers.1.up.weight": torch.ones(24, 15)}),
            r"layers\.1\.up\.weight has shape \(24, 15\), not \(24, 16\)",
        ),
        (
            lambda w: w["layers.2.qkv.bias"].view(-1)[7].fill_(float("nan")),
            r"layers\.2\.qkv\.bias holds values that are not finite",
        ),
        (lambda w: w["embed.weight"][3, 3].fill_(float("inf")), "embed.weight holds values"),
        (lambda w: w.update({k + "x": w.pop(k) for k in list(w)}), r"missing; .* and \d+ more$"),
    ],
)
def test_wrong_weights_are_refused_by_name(
    folder: Path, change: Callable[[dict[str, Tensor]], object], message: str
) -> None:
    change_weights(folder, change)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_gslm(folder)
    assert caught.value.where == str(folder / "lm.safetensors")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"n_units": 11}, "rows lists 12 units, n_units is 11"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"name": ""}, "name: "),
        ({"lm": {"layers": 1}}, r"lm\.dim: Field required"),
    ],
)
def test_an_invalid_card(folder: Path, fields: dict[str, Any], message: str) -> None:
    change_card(folder, **fields)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_gslm(folder)
    assert caught.value.where == str(folder / "gslm.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_card_that_is_no_json_object(folder: Path, content: bytes) -> None:
    (folder / "gslm.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="not a valid card"):
        load_gslm(folder)


def test_a_card_of_another_size_than_the_weights(folder: Path) -> None:
    shape = json.loads((folder / "gslm.json").read_text())["lm"]
    change_card(folder, lm=shape | {"layers": 4, "ffn_dim": 25})
    with pytest.raises(CheckpointError, match=r"layers\.3\.attn_norm\.bias is missing"):
        load_gslm(folder)


def test_an_old_card_never_stands_beside_new_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_at_the_card(path: Path, content: bytes | str) -> None:
        if path.name == "gslm.json":
            raise StorageError("stopped")
        files.write_atomic(path, content)

    monkeypatch.setattr(folder_module, "write_atomic", stop_at_the_card)
    gslm = gslm_of(random_lm(seed=1, dtype=torch.float32))
    with pytest.raises(StorageError):
        save_gslm(folder, gslm.card, gslm.lm)
    with pytest.raises(MissingError):
        load_gslm(folder)


def test_an_untrained_gslm_has_the_same_units_and_shape_and_always_the_same_weights(
    folder: Path,
) -> None:
    gslm = load_gslm(folder)
    control, again = untrained(gslm.card), untrained(gslm.card)
    assert control.card.name == f"random:{gslm.card.name}"
    assert control.card.model_copy(update={"name": gslm.card.name}) == gslm.card
    assert control.fingerprint == again.fingerprint != gslm.fingerprint
    weights, others = control.lm.state_dict(), again.lm.state_dict()
    assert all(weights[name].equal(others[name]) for name in weights)
    trained = gslm.lm.state_dict()
    assert not weights["embed.weight"].equal(trained["embed.weight"])
    assert not weights["layers.0.up.weight"].equal(trained["layers.0.up.weight"])
