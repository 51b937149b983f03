"""What the page of one run shows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import DataError
from reports.figures.confusion import matrices_of
from reports.figures.learning import curves
from reports.reading import Run
from reports.run_files import Answer, answers, confusion, epochs

SOUNDS = frozenset({".flac", ".mp3", ".ogg", ".opus", ".wav"})
LARGEST_CLIP = 20_000_000
_FIELD = dict[str, Any]


@dataclass(frozen=True)
class RunPage:
    """One run.

    Attributes:
        slug: its page's file name without the ending.
        options: name and value of every option, as text.
        curves: chart data by what was logged.
        matrices: chart data of confusion, a slot each.
        predictions: rows of the searchable table.
        copies: sounds to take along.
        faults: files of the run folder that could not be read.
    """

    run: Run
    slug: str
    options: list[tuple[str, str]]
    curves: list[_FIELD]
    matrices: list[_FIELD]
    predictions: list[_FIELD]
    copies: dict[str, Path] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def run_page(run: Run, slug: str, n_clips: int) -> RunPage:
    """Reads what lies beside the record.

    Args:
        run: a finished one.
        slug: file name of its page.
        n_clips: utterances whose sound is taken along at most, those answered wrongly first.
    """
    faults: list[str] = []
    log = _tried(lambda: epochs(run.folder), faults) or []
    cells = _tried(lambda: confusion(run.folder), faults) or []
    given = _tried(lambda: answers(run.folder), faults) or []
    page = RunPage(
        run=run,
        slug=slug,
        options=[(name, _value(value)) for name, value in run.record.method.options.items()],
        curves=[
            {"name": name.replace("_", " "), "points": points}
            for name, points in sorted(curves(log).items(), reverse=True)
        ],
        matrices=[
            {"title": matrix.title, "labels": matrix.labels, "counts": matrix.counts}
            for matrix in matrices_of(cells, "Answers")
        ],
        predictions=[],
        faults=faults,
    )
    sounds = _sounds(given, slug, n_clips, page.copies)
    page.predictions.extend(
        {
            "id": answer.id,
            "reference": answer.reference,
            "hypothesis": answer.hypothesis,
            "right": answer.reference == answer.hypothesis,
            "score": None if answer.score is None else round(answer.score, 4),
            "sound": sounds.get(i),
        }
        for i, answer in enumerate(given)
    )
    return page


def _tried(read: Any, faults: list[str]) -> Any:
    try:
        return read()
    except DataError as error:
        faults.append(str(error))
        return None


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sounds(
    given: list[Answer], slug: str, n_clips: int, copies: dict[str, Path]
) -> dict[int, str]:
    """Where the sound of an answer lies on the page, by the answer's place."""
    wrong_first = sorted(range(len(given)), key=lambda i: given[i].reference == given[i].hypothesis)
    places: dict[Path, str] = {}
    sounds: dict[int, str] = {}
    for i in wrong_first:
        if len(sounds) == n_clips:
            break
        answer = given[i]
        file = Path(answer.audio) if answer.audio else None
        if file is None or not _playable(file):
            continue
        if file not in places:
            places[file] = f"clips/{slug}/{len(places) + 1:04}{file.suffix.lower()}"
            copies[places[file]] = file
        part = ""
        if answer.start_s is not None or answer.end_s is not None:
            end = "" if answer.end_s is None else f",{answer.end_s:.3f}"
            part = f"#t={answer.start_s or 0.0:.3f}{end}"
        sounds[i] = places[file] + part
    assert all(re.fullmatch(r"[\w./#=,-]+", sound) for sound in sounds.values())
    return sounds


def _playable(file: Path) -> bool:
    if file.suffix.lower() not in SOUNDS:
        return False
    try:
        return file.is_file() and 0 < file.stat().st_size <= LARGEST_CLIP
    except (OSError, ValueError):
        return False
