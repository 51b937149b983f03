"""`label-length`: error rate against the length of what was to be said.

The paper calls it the curse of long sequences. Utterances are parted by length into bins of about
equal size; a bin's rate is errors over characters (words, where only words are counted).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.errors import UsageError
from reports.bodies import bodies, by_task, what_differs
from reports.comparison import by_row
from reports.figures.by_size import title
from reports.figures.panel import Figure, Panel, Point, Series, y_label
from reports.per_utterance import Sample, sample_of
from reports.reading import LeftOut, Run, finished, showing, unfinished
from reports.rows import Rows
from reports.significance import interval_of, mean_of

METRICS = {"cer": "characters", "slot_value_cer": "characters of slot values", "wer": "words"}
"""Error rates, the first one that a task has is shown; what each is divided by."""
MOST_BINS = 8
FEWEST = 10


def label_length(runs: Sequence[Run]) -> Figure:
    """A line a row with 95 % intervals.

    Raises:
        UsageError: if no run has an error rate with statistics of utterances.
    """
    left_out = unfinished(runs)
    panels = []
    for same in by_task(finished(runs)).values():
        metric = next((name for name in METRICS if name in same[0].record.scores), None)
        if metric is None:
            left_out += [LeftOut(str(run.folder), "its task has no error rate") for run in same]
            continue
        having, lacking = showing(same, metric)
        left_out += lacking
        ranked = bodies(having)
        for i, group in enumerate(ranked):
            note = what_differs(group[0], ranked[0][0]) if i else None
            panel, aside = _panel(group, metric, note)
            left_out += aside
            if panel is not None:
                panels.append(panel)
    if not panels:
        raise UsageError(
            "no finished run has an error rate with statistics of utterances (statistics.json)",
            hint="what fits: folders of runs of asr or sf",
        )
    return Figure(
        panels=tuple(panels),
        notes=("Bars: 95 % interval. Each point stands for about as many utterances.",),
        left_out=tuple(left_out),
    )


def _panel(
    group: Sequence[Run], metric: str, note: str | None
) -> tuple[Panel | None, list[LeftOut]]:
    rows = Rows([group])
    aside: list[LeftOut] = []
    series = []
    for name, same in sorted(by_row(group, rows).items()):
        sample, reason = sample_of(same)
        if sample is None:
            aside += [LeftOut(str(run.folder), reason or "") for run in same]
        else:
            series.append(Series(name=name, points=tuple(_points(sample))))
    if not series:
        return None, aside
    return (
        Panel(
            title=title(group[0].record),
            x_label=f"Length of the reference ({METRICS[metric]})",
            y_label=y_label(group[0]),
            scale="linear",
            series=tuple(series),
            note=note,
        ),
        aside,
    )


def _points(sample: Sample) -> list[Point]:
    lengths = sample.below[0]
    distinct, places = np.unique(lengths, return_inverse=True)
    n_bins = max(1, min(MOST_BINS, len(lengths) // FEWEST))
    if len(distinct) > n_bins:
        edges = np.unique(np.quantile(lengths, np.linspace(0, 1, n_bins + 1)[1:-1]))
        places = np.searchsorted(edges, lengths, side="right")
    points = []
    for i in np.unique(places):
        of_bin = places == i
        speakers = sample.speakers
        part = replace(
            sample,
            above=sample.above[:, of_bin],
            below=sample.below[:, of_bin],
            speakers=None
            if speakers is None
            else tuple(who for who, inside in zip(speakers, of_bin, strict=True) if inside),
        )
        low, high = interval_of(part, 1000)
        points.append(
            Point(
                x=float(lengths[of_bin].mean()),
                y=100 * mean_of(part),
                low=100 * max(0.0, low),
                high=100 * high,
                n_runs=len(sample.above),
            )
        )
    return points
