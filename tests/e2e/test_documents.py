from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.documents import DOCUMENTS, pictures, said, tables

HINT = "the records and the document differ; python -m tests.e2e.documents writes it anew"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_tables_say_what_the_records_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for command, written in tables((ROOT / name).read_text("utf-8")):
        assert said(command) == written, HINT


def test_the_readme_has_a_table_of_the_records_and_a_picture() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    commands = [command for command, _ in tables(text)]
    assert any("docs/records" in command and "--reference paper" in command for command in commands)
    assert pictures(text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_pictures_show_what_the_records_say(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to what another release of matplotlib would draw a little elsewhere."""
    monkeypatch.chdir(ROOT)
    for command, picture in pictures((ROOT / name).read_text("utf-8")):
        said(command.replace(f"--out {picture}", f"--out {tmp_path / Path(picture).name}"))
        drawn = _points((tmp_path / Path(picture).name).read_text("utf-8"))
        committed = _points((ROOT / picture).read_text("utf-8"))
        assert drawn.keys() == committed.keys(), HINT
        for place, numbers in committed.items():
            assert drawn[place] == pytest.approx(numbers, abs=1.0), HINT


def test_a_table_that_differs_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "README.md").read_text("utf-8")
    (command, written), *_ = tables(text)
    number = re.search(r"\d\d\.\d\d", written)
    assert number is not None
    assert said(command) != written.replace(number[0], "12.34")


def _points(svg: str) -> dict[str, list[float]]:
    """Where every mark and line of a drawing lies, by the name of its group."""
    found = {}
    for group, body in re.findall(r'<g id="(line2d_\d+|LineCollection_\d+)">(.*?)</g>', svg, re.S):
        found[group] = [float(n) for n in re.findall(r"(?<![\w#.])-?\d+\.\d+", body)]
    return found
