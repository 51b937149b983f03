"""What must be equal to the baseline, exactly: settings, data, frozen weights, parameter counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.check.measurement import Measurement


def departures(now: Sequence[Measurement], before: Sequence[Measurement]) -> list[str]:
    """What is not as in the baseline, in words; each once, however many seeds show it.

    Args:
        now: the runs of a cell.
        before: the baseline's, with the same seeds in the same order.
    """
    told: dict[str, list[int]] = {}
    for one, other in zip(now, before, strict=True):
        for text in [*_settings(one, other), *_data(one, other), *_model(one, other)]:
            told.setdefault(text, []).append(one.seed)
        for text in _metrics(one, other):
            told.setdefault(text, []).append(one.seed)
    return [_with_seeds(text, seeds, len(now)) for text, seeds in told.items()]


def notes(now: Sequence[Measurement], before: Sequence[Measurement]) -> list[str]:
    """What differs, but may: units that another machine rounded otherwise, other answers."""
    one, other = now[0], before[0]
    if one.corpus != other.corpus and _units_may_differ(one, other):
        return [
            "the units are not quite those of the baseline: another machine or another library "
            "rounded the encoder's frames otherwise"
        ]
    return []


def same_answers(now: Sequence[Measurement], before: Sequence[Measurement]) -> bool:
    """Whether every utterance got an equally good answer in every run."""
    return all(one.ratios == other.ratios for one, other in zip(now, before, strict=True))


def same_machine(one: Measurement, other: Measurement) -> bool:
    """Whether equal code must give equal answers."""
    return one.machine == other.machine


def _settings(now: Measurement, before: Measurement) -> list[str]:
    found = []
    flat, others = _flat(now.options), _flat(before.options)
    for key in sorted(flat.keys() | others.keys()):
        value, other = flat.get(key), others.get(key)
        if value != other:
            found.append(
                f"setting {key.replace('_', '-')} is {value!r}, the baseline has {other!r}"
            )
    return found


def _flat(options: dict[str, object]) -> dict[str, object]:
    inner = options.get("options")
    return {**options, **(inner if isinstance(inner, dict) else {}), "options": None}


def _data(now: Measurement, before: Measurement) -> list[str]:
    found = []
    for split in sorted(now.n.keys() | before.n.keys()):
        n, other = now.n.get(split, 0), before.n.get(split, 0)
        if n != other:
            found.append(f"{split} has {n} utterances, the baseline {other} ({n - other:+d})")
    tested, others = _tested(now), _tested(before)
    if tested != others:
        found.append(f"{tested} test utterances were scored, in the baseline {others}")
    elif now.utterances != before.utterances:
        found.append("the test utterances are others than in the baseline (ids or references)")
    if now.corpus != before.corpus and not _units_may_differ(now, before):
        found.append(
            f"the corpus is another one: fingerprint {now.corpus[:12]}, in the baseline "
            f"{before.corpus[:12]}"
        )
    return found


def _units_may_differ(now: Measurement, before: Measurement) -> bool:
    """Units are computed; on another machine a frame on the border of two may fall otherwise."""
    return now.works_on_units and not same_machine(now, before)


def _tested(one: Measurement) -> int:
    return max((len(ratio.numerator) for ratio in one.ratios.values()), default=0)


def _model(now: Measurement, before: Measurement) -> list[str]:
    found = []
    if now.frozen_before != now.frozen_after:
        found.append("the frozen weights changed during the run")
    elif now.model_fingerprint != before.model_fingerprint:
        found.append(
            f"the frozen model is another one: {now.model} {now.model_fingerprint[:12]}, in the "
            f"baseline {before.model} {before.model_fingerprint[:12]}"
        )
    elif now.frozen_before != before.frozen_before and now.options.get("precision") != "auto":
        found.append("the frozen weights in memory are not the baseline's, though their files are")
    counts = (
        ("trained parameters", now.n_trainable, before.n_trainable),
        ("trained parameters as the papers count", now.n_trainable_paper, before.n_trainable_paper),
        ("parameters of the frozen model", now.model_n_total, before.model_n_total),
    )
    for what, n, other in counts:
        if n != other:
            found.append(f"{what}: {_number(n)}, in the baseline {_number(other)}")
    return found


def _metrics(now: Measurement, before: Measurement) -> list[str]:
    found = []
    if now.primary != before.primary:
        found.append(f"the primary metric is {now.primary}, in the baseline {before.primary}")
    for name in sorted(now.scores.keys() | before.scores.keys()):
        one, other = now.scores.get(name), before.scores.get(name)
        if one is None or other is None:
            found.append(f"metric {name} is {'gone' if one is None else 'new'}")
            continue
        if one.higher_is_better != other.higher_is_better:
            better = "higher" if one.higher_is_better else "lower"
            found.append(f"metric {name}: {better} values are better now; the sign is turned round")
        if one.unit != other.unit:
            found.append(f"metric {name} is in {one.unit}, in the baseline in {other.unit}")
        if name in now.ratios and name in before.ratios:
            found += _agrees(name, now)
    return found


def _agrees(name: str, now: Measurement) -> list[str]:
    """A record's value must be the one that its utterances give."""
    ratio, score = now.ratios[name], now.scores[name]
    below = ratio.denominator
    total = sum(below) if isinstance(below, list) else below * len(ratio.numerator)
    value = sum(ratio.numerator) / max(1.0, total)
    if not math.isclose(value, score.value, abs_tol=1e-9):
        return [f"metric {name}: the record says {score.value:.6g}, its utterances {value:.6g}"]
    if ratio.higher_is_better != score.higher_is_better:
        return [f"metric {name}: record and statistics disagree about which way is better"]
    return []


def _number(n: int | None) -> str:
    return "not counted" if n is None else f"{n:,}"


def _with_seeds(text: str, seeds: list[int], n: int) -> str:
    return text if len(seeds) == n else f"{text} (seed {', '.join(map(str, seeds))})"
