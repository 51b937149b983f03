"""Published results to stand beside one's own: quoted, never measured here.

Scores are fractions, parameters as the papers give them (rounded).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QuotedScore:
    """One number of a paper: `value` of `metric`, with the parameters it says were trained."""

    metric: str
    value: float
    n_trainable: int


@dataclass(frozen=True, kw_only=True)
class QuotedRow:
    """One method of a paper on the tasks it was tried on."""

    name: str
    source: str
    scores: dict[str, QuotedScore]


SPEECHPROMPT = "Chang et al., Interspeech 2022, arXiv:2203.16773"
SUPERB = "Yang et al., Interspeech 2021 (SUPERB), as quoted in arXiv:2203.16773"


def _row(
    name: str,
    source: str,
    ks: tuple[float, int],
    ic: tuple[float, int],
    asr: tuple[float, int],
    sf: tuple[float, int],
) -> QuotedRow:
    """Percentages as printed; they become fractions."""
    cells = {
        "ks": ("accuracy", ks),
        "ic": ("accuracy", ic),
        "asr": ("wer", asr),
        "sf": ("slot_type_f1", sf),
    }
    return QuotedRow(
        name=name,
        source=source,
        scores={
            task: QuotedScore(metric=metric, value=round(percent / 100, 4), n_trainable=n)
            for task, (metric, (percent, n)) in cells.items()
        },
    )


REFERENCES: dict[str, tuple[QuotedRow, ...]] = {
    "paper": (
        _row(
            "HuBERT prompt tuning",
            SPEECHPROMPT,
            ks=(95.16, 80_000),
            ic=(98.40, 150_000),
            asr=(34.17, 4_500_000),
            sf=(66.90, 4_500_000),
        ),
        _row(
            "HuBERT downstream model",
            SUPERB,
            ks=(96.30, 200_000),
            ic=(98.34, 200_000),
            asr=(6.42, 43_000_000),
            sf=(88.53, 43_000_000),
        ),
        _row(
            "CPC prompt tuning",
            SPEECHPROMPT,
            ks=(93.54, 50_000),
            ic=(97.57, 50_000),
            asr=(59.41, 4_500_000),
            sf=(65.25, 4_500_000),
        ),
        _row(
            "CPC downstream model",
            SUPERB,
            ks=(91.88, 70_000),
            ic=(64.09, 70_000),
            asr=(20.18, 42_500_000),
            sf=(71.19, 42_500_000),
        ),
    ),
}
"""Published rows by the name that `bench compare --reference` takes."""
