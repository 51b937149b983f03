from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bench.records import Record
from reports.comparison import Choice, chosen, compare
from reports.formats.kinds import FORMATS, render
from reports.grid import WHATS
from reports.page.site import build
from reports.published import REFERENCES
from reports.reading import Reading, Run
from tests.property.test_records import records


def reading(contents: list[dict[str, Any]]) -> Reading:
    """Runs without a folder: all there is of them is their records."""
    return Reading(
        runs=tuple(
            Run(folder=Path(f"nowhere/{i}"), record=Record.model_validate(content))
            for i, content in enumerate(contents)
        )
    )


def plausible(content: dict[str, Any]) -> dict[str, Any]:
    """The record with numbers that an axis can show: no score of 1e300, no run of 1e300 s."""
    scores = {
        name: {
            **score,
            "value": score["value"] % 1e6,
            "ci95": tuple(bound % 1e6 for bound in score["ci95"]),
        }
        for name, score in content["scores"].items()
    }
    seconds = {
        name: content["cost"][name] % 1e9
        for name in ("prepare_s", "train_s", "eval_s", "utt_per_s")
    }
    return {**content, "scores": scores, "cost": {**content["cost"], **seconds}}


some = st.lists(records(), min_size=1, max_size=3)


@pytest.mark.parametrize("kind", sorted(FORMATS))
@settings(max_examples=40, deadline=None)
@given(contents=some)
def test_any_valid_record_renders(kind: str, contents: list[dict[str, Any]]) -> None:
    comparison = compare(reading(contents), quoted=REFERENCES["paper"])
    made = render(comparison, kind, WHATS)
    assert made
    if isinstance(made, str):
        made.encode("utf-8")


@settings(max_examples=8, deadline=None, phases=[Phase.generate])
@given(contents=some)
def test_any_valid_record_has_a_page(contents: list[dict[str, Any]]) -> None:
    read = reading([plausible(content) for content in contents])
    runs, _ = chosen(read, Choice())
    site = build(compare(read), runs)
    pages = [name for name in site.files if name.startswith("runs/")]
    assert len(pages) == sum(content["status"] == "ok" for content in contents)


@settings(max_examples=40, deadline=None)
@given(contents=some, same=records())
def test_seeds_of_one_row_render(contents: list[dict[str, Any]], same: dict[str, Any]) -> None:
    """Records that differ in seed and score only, so that they meet in one cell."""
    alike = [{**same, "status": same["status"], "seed": i} for i in range(len(contents))]
    text = render(compare(reading([*alike, *contents])), "markdown", WHATS)
    assert text
