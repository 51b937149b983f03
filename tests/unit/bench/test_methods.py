from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from bench.errors import MissingError
from bench.methods import METHODS, MethodEntry


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_has_the_shape_of_one(name: str) -> None:
    kind = METHODS.get(name).load()
    assert issubclass(kind.Options, BaseModel)
    assert kind.Options.model_config.get("extra") == "forbid"
    kind.Options()  # every option has a default
    for member in ("describe", "train", "predict", "save", "n_trainable", "n_trainable_paper"):
        assert hasattr(kind, member), member


def test_an_absent_package_names_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needy_method.py").write_text("import no_such_package.x\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry = MethodEntry(path="needy_method:Y", summary="x", extra="s3prl")
    with pytest.raises(MissingError, match=r"'no_such_package' is not installed\n.*\[s3prl\]"):
        entry.load()


def test_an_absent_module_of_its_own_is_a_fault_not_something_to_install() -> None:
    with pytest.raises(ModuleNotFoundError):
        MethodEntry(path="bench.no_such_module:X", summary="x").load()
