from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import MissingError, UnknownNameError
from bench.gslm.registry import chosen_gslm, gslm_folder


def test_a_folder_is_itself_and_anything_else_is_explained(tmp_path: Path) -> None:
    assert gslm_folder(str(tmp_path)) == tmp_path
    with pytest.raises(MissingError, match="no such folder"):
        gslm_folder(str(tmp_path / "no"))
    with pytest.raises(UnknownNameError, match="did you mean 'mini'"):
        gslm_folder("mni")


def test_a_control_is_asked_for_by_the_gslm_whose_control_it_is(tmp_path: Path) -> None:
    assert chosen_gslm("mini") == (gslm_folder("mini"), False)
    assert chosen_gslm("random:mini") == (gslm_folder("mini"), True)
    assert chosen_gslm(f"random:{tmp_path}") == (tmp_path, True)
    with pytest.raises(UnknownNameError, match="did you mean 'mini'"):
        chosen_gslm("random:mni")
    with pytest.raises(UnknownNameError):
        gslm_folder("random:mini")  # a control trains nothing further and writes no units
