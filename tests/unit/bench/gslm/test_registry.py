from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import MissingError, UnknownNameError
from bench.gslm.registry import gslm_folder


def test_a_folder_is_itself_and_anything_else_is_explained(tmp_path: Path) -> None:
    assert gslm_folder(str(tmp_path)) == tmp_path
    with pytest.raises(MissingError, match="no such folder"):
        gslm_folder(str(tmp_path / "no"))
    with pytest.raises(UnknownNameError, match="did you mean 'mini'"):
        gslm_folder("mni")
