from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from baselines.bag_of_units import BagOfUnitsOptions
from baselines.majority import MajorityOptions
from bench.config import frozen_models, make_request, method_options, read_config, validated
from bench.errors import MissingError, UnknownNameError, UsageError
from bench.methods import METHODS

MINIMUM: dict[str, Any] = {"method": "majority", "task": "ks"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "c.yaml"


def test_the_command_line_beats_the_file_beats_the_defaults(config: Path) -> None:
    config.write_text("method: bag-of-units\ntask: ks\nseed: 5\nmin-count: 2\nc: 1\n")
    request = make_request({"seed": 6, "c": 3.0}, config=config)
    assert (request.method, request.seed, request.out) == ("bag-of-units", 6, Path("runs"))
    assert request.options == {"min_count": 2, "c": 3.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sede: 1", r"c\.yaml: unknown key 'sede'\n  did you mean 'seed'"),
        ("- a", "holds no mapping"),
        ("a: [1", r"c\.yaml:\d+: is not YAML"),
        ("1: x", "the key 1 is not a text"),
        ("options: 3", "`options` holds no mapping"),
    ],
)
def test_a_wrong_file_is_a_usage_error_with_its_place(
    config: Path, text: str, message: str
) -> None:
    config.write_text(text)
    with pytest.raises(UsageError, match=message):
        make_request(MINIMUM, config=config)


def test_an_absent_or_binary_file_is_said(config: Path) -> None:
    with pytest.raises(MissingError, match=r"c\.yaml: cannot be read"):
        read_config(config)
    config.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not UTF-8"):
        read_config(config)
    config.write_text("# nothing\n")
    assert read_config(config) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": -1}, r"--seed must be at least 0 \(given: -1\)"),
        ({"seed": "many"}, r"--seed must be a whole number \(given: 'many'\)"),
        ({"seed": 1.5}, r"--seed must be a whole number \(given: 1.5\)"),
        ({"resume": "perhaps"}, r"--resume must be true or false \(given: 'perhaps'\)"),
        ({"precision": "fp16"}, r"--precision must be 'auto', 'bf16' or 'fp32' \(given: 'fp16'\)"),
        ({"subset": 10, "shots": 5}, "--subset and --shots exclude each other"),
        ({"resume": True, "overwrite": True}, "--resume and --overwrite exclude each other"),
        ({"device": "tpu"}, "^--device 'tpu' is no device: cpu, cuda or cuda:N$"),
        ({"task": None}, r"--task must be a text \(given: None\)"),
    ],
)
def test_a_wrong_value_names_its_option(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_request({**MINIMUM, **given})


@pytest.mark.parametrize("absent", ["method", "task"])
def test_method_and_task_must_be_given(absent: str) -> None:
    given = {key: value for key, value in MINIMUM.items() if key != absent}
    with pytest.raises(UsageError, match=f"--{absent} is not given\n  `bench list {absent}s`"):
        make_request(given)


def test_an_option_of_another_method_is_a_usage_error_that_says_whose_it_is() -> None:
    with pytest.raises(UsageError, match="no option --min-count\n  it belongs to bag-of-units"):
        method_options("majority", MajorityOptions, {"min_count": 3})
    with pytest.raises(UnknownNameError, match="did you mean 'ngrams'"):
        method_options("bag-of-units", BagOfUnitsOptions, {"ngram": 3})
    with pytest.raises(UsageError, match=r"--c must be above 0 \(given: -1\)"):
        method_options("bag-of-units", BagOfUnitsOptions, {"c": -1})
    assert method_options("bag-of-units", BagOfUnitsOptions, {"c": 2}) == BagOfUnitsOptions(c=2)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    out: Path
    share: float = Field(default=0.0, lt=1, allow_inf_nan=False)
    most: int = Field(default=1, le=2)
    many: list[int] = Field(default=[1], min_length=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "--out is not given"),
        ({"share": 1.5}, "--out is not given; --share must be below 1 (given: 1.5)"),
        ({"out": "x", "share": float("nan")}, "--share must be a finite number (given: nan)"),
        ({"out": "x", "share": "?"}, "--share must be a number (given: '?')"),
        ({"out": "x", "most": 3}, "--most must be at most 2 (given: 3)"),
        ({"out": "x", "n_epochs": 2}, "--n-epochs does not go with --recipe"),
        ({"out": "x", "many": []}, "--many: List should have at least 1 item"),
    ],
)
def test_what_is_wrong_is_said_in_words_of_this_command_line(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        validated(_Strict, given, company="--recipe")
    assert str(caught.value).startswith(message)
    assert "nput" not in str(caught.value)


def test_options_of_unlisted_methods_pass_through() -> None:
    request = make_request(MINIMUM, own_options={"some-depth": 3})
    assert request.options == {"some_depth": 3}


def test_a_frozen_model_goes_only_to_a_method_that_uses_it() -> None:
    prompt, majority = METHODS.get("prompt"), METHODS.get("majority")
    assert frozen_models(make_request({**MINIMUM, "method": "prompt"}), prompt) == ("mini", None)
    assert frozen_models(make_request(MINIMUM), majority) == (None, None)
    with pytest.raises(UsageError, match="method 'majority' uses no gslm"):
        frozen_models(make_request({**MINIMUM, "gslm": "g"}), majority)
