from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bench.records import Record

finite = st.floats(allow_nan=False, allow_infinity=False)
seconds = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
counts = st.integers(min_value=0, max_value=2**62)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
moments = st.datetimes(
    min_value=datetime(2000, 1, 1),
    max_value=datetime(2100, 1, 1),
    timezones=st.just(timezone.utc),
)
options = st.dictionaries(
    names,
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | names | st.lists(names),
    max_size=4,
)
scores = st.fixed_dictionaries(
    {
        "value": finite,
        "unit": names,
        "higher_is_better": st.booleans(),
        "ci95": st.tuples(finite, finite),
        "n": counts,
    }
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    status = draw(st.sampled_from(["ok", "failed", "interrupted"]))
    known = status == "ok" or draw(st.booleans())
    scored = draw(st.dictionaries(names, scores, min_size=1, max_size=3)) if known else {}
    return {
        "status": status,
        "started": draw(moments),
        "ended": draw(moments),
        "task": {"name": draw(names), "version": draw(names)},
        "corpus": {
            "name": draw(names),
            "fingerprint": draw(names),
            "n": draw(st.dictionaries(names, counts, max_size=3)),
            "skipped": [{"id": a, "reason": b} for a, b in draw(st.lists(st.tuples(names, names)))],
            "notes": draw(st.dictionaries(names, counts, max_size=3)),
        },
        "method": {"name": draw(names), "options": draw(options)},
        "model": {"name": "m", "fingerprint": draw(names), "n_total": draw(counts)}
        if known
        else None,
        "n_trainable": draw(counts) if known else None,
        "n_trainable_paper": draw(st.none() | counts),
        "stored_bytes": draw(counts) if known else None,
        "seed": draw(counts),
        "primary": next(iter(scored), "accuracy"),
        "scores": scored,
        "train": {
            "epochs": draw(counts),
            "steps": draw(counts),
            "best_epoch": draw(st.none() | counts),
            "search": draw(st.lists(options, max_size=2)),
        }
        if known
        else None,
        "cost": {
            "prepare_s": draw(seconds),
            "train_s": draw(seconds),
            "eval_s": draw(seconds),
            "utt_per_s": draw(seconds),
            "peak_rss_bytes": draw(counts),
            "device": draw(names),
            "threads": draw(st.integers(1, 512)),
        },
        "versions": {"python": draw(names), "packages": draw(st.dictionaries(names, names))},
        "error": None if status == "ok" else draw(names),
    }


@given(records())
def test_a_record_survives_a_round_trip_unrounded(content: dict[str, Any]) -> None:
    record = Record.model_validate(content)
    again = Record.model_validate_json(record.to_json())
    assert again == record
    assert again.to_json() == record.to_json()
