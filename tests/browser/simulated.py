"""A folder of runs as a laboratory would have it, with answers that are simulated.

Five tasks, the controls, prompts and s3prl, three seeds, few-shot runs, logs, confusion matrices,
sounds, one run of 10,000 answers, one of hostile names, one that failed, one that is corrupt.
"""

from __future__ import annotations

import json
import struct
import wave
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.random import numpy_generator
from bench.records import Record
from bench.utterance_statistics import Ratio, UtteranceStatistics
from tests.unit.bench.test_records import finished

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
BIG = "ks-prompt-big"
N_BIG = 10_000
N_TEST = 120

_WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "unknown")
_SLOTS = ("action", "object", "location")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A method of one task: how good, how large, how slow.

    Attributes:
        right: chance of a right word or label.
        epochs: lines of its log; 0 for none.
    """

    task: str
    method: str
    right: float
    n_trainable: int
    train_s: float
    epochs: int = 0
    shots: int | None = None


_TABLE = (
    # task, method, right, trained, seconds, epochs
    ("ks", "majority", 0.09, 0, 0.01, 0),
    ("ic", "majority", 0.1, 0, 0.01, 0),
    ("lid", "majority", 0.17, 0, 0.01, 0),
    ("asr", "majority", 0.05, 0, 0.01, 0),
    ("sf", "majority", 0.1, 0, 0.01, 0),
    ("ks", "bag-of-units", 0.94, 287_580, 5.4, 0),
    ("ic", "bag-of-units", 0.97, 698_554, 20, 0),
    ("lid", "bag-of-units", 0.9, 91_206, 2, 0),
    ("ks", "prompt", 0.93, 77_160, 1690, 12),
    ("ic", "prompt", 0.96, 145_728, 1700, 12),
    ("lid", "prompt", 0.88, 96_000, 900, 12),
    ("asr", "prompt", 0.7, 4_500_000, 5400, 12),
    ("sf", "prompt", 0.75, 4_460_000, 6900, 12),
    ("ks", "s3prl", 0.97, 199_690, 640, 20),
    ("ic", "s3prl", 0.98, 204_344, 810, 20),
    ("lid", "s3prl", 0.93, 196_000, 400, 20),
    ("asr", "s3prl", 0.92, 42_826_783, 8100, 20),
    ("sf", "s3prl", 0.88, 42_900_000, 8800, 20),
)
KINDS = [
    Kind(task=task, method=method, right=right, n_trainable=n, train_s=s, epochs=epochs)
    for task, method, right, n, s, epochs in _TABLE
] + [
    Kind(task="ks", method=method, right=0.93 - 0.8 / k, n_trainable=n, train_s=30 + k, shots=k)
    for method, n in (("prompt", 93_792), ("bag-of-units", 64_176))
    for k in (5, 10, 50)
]


def write_runs(folder: Path) -> None:
    """Writes all run folders."""
    for kind in KINDS:
        for seed in (0,) if kind.method == "majority" else (0, 1, 2):
            few = "" if kind.shots is None else f"{kind.shots}shots-"
            write_run(folder / f"{kind.task}-{kind.method}-{few}s{seed}", kind, seed)
    big = replace(next(k for k in KINDS if k.method == "prompt" and k.task == "ks"), right=0.9)
    sounds = [_tone(folder.parent / "audio" / f"{i}.wav", 300 + 200 * i) for i in range(4)]
    data = {"corpus": {"name": "big corpus", "fingerprint": "ef" * 32}}
    write_run(folder / BIG, big, 0, n_test=N_BIG, sounds=sounds, change=data)
    strange: dict[str, Any] = {
        "corpus": {"name": HOSTILE, "fingerprint": HOSTILE},
        "method": {"name": HOSTILE, "options": {HOSTILE: HOSTILE, "n" * 10_000: ["</script>"]}},
        "model": {"name": "a & b | c \\ d\n" + "m" * 10_000, "fingerprint": "x", "n_total": 7},
    }
    hostile = folder / "<b>hostile run"
    write_run(hostile, big, 0, change=strange, name=HOSTILE)
    failed = write_run(folder / "ks-prompt-failed", big, 4)
    content = json.loads((failed / "record.json").read_text())
    content |= {"status": "failed", "error": f"No space left on device {HOSTILE}"}
    (failed / "record.json").write_text(json.dumps(content))
    corrupt = write_run(folder / "ks-prompt-corrupt", big, 5)
    (corrupt / "record.json").write_text('{"schema_version": 1,')


def write_run(
    folder: Path,
    kind: Kind,
    seed: int,
    *,
    n_test: int = N_TEST,
    sounds: Sequence[Path] = (),
    change: dict[str, Any] | None = None,
    name: str | None = None,
) -> Path:
    """Writes a run folder: record, answers, statistics, log, confusion.

    Args:
        folder: where to.
        kind: what was run.
        seed: of the run.
        n_test: utterances of the test set.
        sounds: of the first utterances.
        change: of the record, part by part.
        name: a word that stands in every id and answer.
    """
    folder.mkdir(parents=True)
    random = numpy_generator(seed, str(folder.name))
    pairs = _answers(kind, n_test, random, name)
    wrong, of = _counts(kind.task, pairs)
    content = _record(kind, seed, n_test, wrong / of.sum(), change or {})
    (folder / "record.json").write_text(Record.model_validate(content).to_json(), "utf-8")
    lines = []
    for i, (reference, hypothesis) in enumerate(pairs):
        line: dict[str, Any] = {"id": f"test/{i:05d}{name or ''}.wav", "reference": reference}
        line |= {"hypothesis": hypothesis, "score": -float(random.exponential())}
        if i < len(sounds):
            line["audio"] = str(sounds[i])
        lines.append(json.dumps(line) + "\n")
    (folder / "predictions.jsonl").write_text("".join(lines), "utf-8")
    higher = kind.task != "asr"
    ratio = Ratio(
        higher_is_better=higher,
        numerator=(of - wrong if higher else wrong).tolist(),
        denominator=of.tolist(),
    )
    statistics = UtteranceStatistics(
        utterances=f"{kind.task}-{n_test}", n=n_test, metrics={content["primary"]: ratio}
    )
    (folder / "statistics.json").write_text(statistics.to_json())
    if kind.epochs:
        (folder / "train.jsonl").write_text("".join(_log(kind, random)))
    if kind.task in ("ks", "ic", "lid"):
        cells = _confusion(kind.task, pairs)
        (folder / "confusion.json").write_text(json.dumps(cells))
    return folder


def _record(
    kind: Kind, seed: int, n_test: int, wrong: Any, change: dict[str, Any]
) -> dict[str, Any]:
    content = finished()
    wrong_share = float(wrong.sum())
    value = wrong_share if kind.task == "asr" else 1 - wrong_share
    primary, second = {
        "ks": ("accuracy", "macro_f1"),
        "lid": ("accuracy", "macro_f1"),
        "ic": ("accuracy", "macro_f1"),
        "asr": ("wer", "cer"),
        "sf": ("slot_type_f1", "slot_value_cer"),
    }[kind.task]
    half = 1.96 * (max(value * (1 - value), 1e-6) / n_test) ** 0.5
    scores = {}
    for metric in (primary, second):
        scores[metric] = {
            "value": value,
            "unit": "fraction",
            "higher_is_better": not metric.endswith("er"),
            "ci95": (max(0.0, value - half), min(1.0, value + half)),
            "n": n_test,
        }
    notes = {} if kind.shots is None else {"shots": kind.shots}
    drawn = "" if kind.shots is None else f"-{kind.shots}-{seed}"
    content["task"]["name"] = kind.task
    content["corpus"] |= {
        "name": "mini",
        "fingerprint": f"{kind.task}-content{drawn}",
        "n": {"train": 12 * (kind.shots or 200), "valid": N_TEST, "test": n_test},
        "notes": notes,
    }
    content["method"] = {"name": kind.method, "options": _OPTIONS.get(kind.method, {})}
    content["model"] = (
        {"name": "hubert100", "fingerprint": "cd" * 32, "n_total": 151_000_000}
        if kind.method in ("prompt", "s3prl")
        else {"name": "none", "fingerprint": "none", "n_total": 0}
    )
    content |= {
        "n_trainable": kind.n_trainable,
        "n_trainable_paper": kind.n_trainable or None,
        "stored_bytes": 4 * kind.n_trainable + 120,
        "seed": seed,
        "primary": primary,
        "scores": scores,
    }
    content["cost"] |= {"train_s": kind.train_s * (1 + seed / 20), "utt_per_s": 526.15}
    content["versions"] |= {"commit": "d65c4632e5dcd4c56cfe10f3916d27b34ca2da09", "dirty": False}
    for part, other in change.items():
        content[part] |= other
    return content


_OPTIONS: dict[str, dict[str, Any]] = {
    "prompt": {"prompt_length": 20, "prompt_mode": "deep", "verbalizer": "learnable", "lr": 0.03},
    "s3prl": {"upstream": "hubert", "layers": "all", "lr": 0.0001, "batch_size": 32},
    "bag-of-units": {"min_count": 2, "orders": [1, 2, 3]},
}

Pairs = list[tuple[str, str]]


def _answers(kind: Kind, n: int, random: np.random.Generator, name: str | None) -> Pairs:
    """References and hypotheses; the references are those of the task, whatever the method."""
    said = numpy_generator(0, kind.task, n)
    pairs = []
    for _ in range(n):
        n_words = {"ks": 1, "lid": 1, "ic": 3, "asr": 7, "sf": 5}[kind.task]
        words = [name or str(word) for word in said.choice(_WORDS, n_words)]
        wrong = random.random(n_words) > kind.right ** (1 / (3 if kind.task == "ic" else 1))
        given = [
            str(random.choice(_WORDS)) if is_wrong else word
            for word, is_wrong in zip(words, wrong, strict=True)
        ]
        pairs.append((" ".join(words), " ".join(given)))
    return pairs


def _counts(task: str, pairs: Pairs) -> tuple[Any, Any]:
    """(n,) wrong answers or words, and (n,) how many there were."""
    by_word = task in ("asr", "sf")
    wrong = [
        sum(a != b for a, b in zip(r.split(), h.split(), strict=True)) if by_word else r != h
        for r, h in pairs
    ]
    of = [len(reference.split()) if by_word else 1 for reference, _ in pairs]
    return np.array(wrong, dtype=np.float64), np.array(of, dtype=np.float64)


def _log(kind: Kind, random: np.random.Generator) -> list[str]:
    lines = []
    for epoch in range(1, kind.epochs + 1):
        loss = 2.5 * 0.75**epoch + 0.1 + 0.02 * float(random.random())
        score = kind.right * (1 - 0.7**epoch) + 0.01 * float(random.random())
        line = {"epoch": epoch, "train_loss": loss, "valid_loss": loss + 0.1, "valid_score": score}
        lines.append(json.dumps(line) + "\n")
    return lines


def _confusion(task: str, pairs: Pairs) -> list[dict[str, Any]]:
    slots = _SLOTS if task == "ic" else ("label",)
    counts: Counter[tuple[str, str, str]] = Counter()
    for reference, hypothesis in pairs:
        r, h = ([text] if task != "ic" else text.split() for text in (reference, hypothesis))
        counts.update(zip(slots, r, h, strict=True))
    return [
        {"slot": slot, "reference": r, "hypothesis": h, "n": n}
        for (slot, r, h), n in counts.items()
    ]


def _tone(file: Path, hz: float) -> Path:
    file.parent.mkdir(exist_ok=True)
    samples = (3000 * np.sin(2 * np.pi * hz * np.arange(4000) / 16000)).astype(int)
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file
