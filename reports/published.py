"""Published results to stand beside one's own: quoted, never measured here.

Scores are fractions; parameters as the papers give them (rounded).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QuotedScore:
    """One number of a paper: `value` of `metric`, with the parameters it says were trained."""

    metric: str
    value: float
    n_trainable: int | None = None


@dataclass(frozen=True, kw_only=True)
class QuotedRow:
    """One method of a paper on the tasks it was tried on: scores by task, the primary one first."""

    name: str
    source: str
    scores: dict[str, tuple[QuotedScore, ...]]

    def score(self, task: str, metric: str) -> QuotedScore | None:
        """What the paper says of a metric on a task."""
        for score in self.scores.get(task, ()):
            if score.metric == metric:
                return score
        return None


SPEECHPROMPT = "Chang et al., Interspeech 2022, arXiv:2203.16773"
SUPERB_IN_SPEECHPROMPT = "Yang et al., Interspeech 2021 (SUPERB), as quoted in arXiv:2203.16773"
SUPERB = "SUPERB leaderboard (Yang et al., Interspeech 2021, arXiv:2105.01051)"

TEST_SIZES = {"ks": 3081, "ic": 3793, "asr": 2620, "sf": 2800}
"""Utterances of the test sets that the quoted rows were scored on: Speech Commands v1, Fluent
Speech Commands, LibriSpeech test-clean, Audio SNIPS (700 requests by each of four speakers). A
column with another number is other data."""

_METRICS = {"ks": "accuracy", "ic": "accuracy", "asr": "wer", "sf": "slot_type_f1"}

# Per cent and millions of parameters: KS, IC, ASR, SF.
_PAPER = """
HuBERT prompt tuning    | 95.16 0.08 | 98.40 0.15 | 34.17 4.5  | 66.90 4.5
HuBERT downstream model | 96.30 0.2  | 98.34 0.2  | 6.42  43   | 88.53 43
CPC prompt tuning       | 93.54 0.05 | 97.57 0.05 | 59.41 4.5  | 65.25 4.5
CPC downstream model    | 91.88 0.07 | 64.09 0.07 | 20.18 42.5 | 71.19 42.5
"""

# Per cent: KS, IC, ASR, SF (slot type F1, slot value CER).
_LEADERBOARD = """
FBANK         | 41.38 | 9.65  | 23.18 | 69.64 52.94
modified CPC  | 91.88 | 64.09 | 20.18 | 71.19 49.91
wav2vec2 base | 96.23 | 92.35 | 6.43  | 88.30 24.77
HuBERT base   | 96.30 | 98.34 | 6.42  | 88.53 25.20
HuBERT large  | 95.29 | 98.76 | 3.62  | 89.81 21.76
"""


def _rows(table: str) -> list[tuple[str, list[list[float]]]]:
    lines = [line.split("|") for line in table.strip().splitlines()]
    return [
        (name.strip(), [[float(number) for number in cell.split()] for cell in cells])
        for name, *cells in lines
    ]


def _fraction(percent: float) -> float:
    return round(percent / 100, 4)


def _paper() -> tuple[QuotedRow, ...]:
    return tuple(
        QuotedRow(
            name=name,
            source=SPEECHPROMPT if "prompt" in name else SUPERB_IN_SPEECHPROMPT,
            scores={
                task: (
                    QuotedScore(
                        metric=metric, value=_fraction(percent), n_trainable=round(millions * 1e6)
                    ),
                )
                for (task, metric), (percent, millions) in zip(_METRICS.items(), cells, strict=True)
            },
        )
        for name, cells in _rows(_PAPER)
    )


def _leaderboard() -> tuple[QuotedRow, ...]:
    return tuple(
        QuotedRow(
            name=name,
            source=SUPERB,
            scores={
                task: tuple(
                    QuotedScore(metric=metric, value=_fraction(percent))
                    for metric, percent in zip((first, "slot_value_cer"), percents, strict=False)
                )
                for (task, first), percents in zip(_METRICS.items(), cells, strict=True)
            },
        )
        for name, cells in _rows(_LEADERBOARD)
    )


REFERENCES: dict[str, tuple[QuotedRow, ...]] = {"paper": _paper(), "superb": _leaderboard()}
"""Published rows by the name that `bench compare --reference` takes."""
