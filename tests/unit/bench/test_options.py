from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bench.config import RunRequest
from bench.gslm.card import N_SPECIALS, LmShape
from bench.gslm.pretraining import PRESETS, PretrainOptions
from bench.methods import METHODS
from bench.options import (
    METHOD_OPTIONS,
    PRETRAIN_OPTIONS,
    RUN_OPTIONS,
    Option,
    add_options,
    methods_with,
)
from bench.recipes.mini import RECIPES, RecipeOptions


def agree(option: Option, field: FieldInfo) -> None:
    default = None if field.default is PydanticUndefined else field.default
    assert option.default == default, f"--{option.name}: default in the table, in the model"
    literals = _literals(field.annotation)
    if literals:
        assert set(option.choices) == literals, f"--{option.name}: choices"


def _literals(annotation: Any) -> set[str]:
    inner = get_args(annotation)
    if inner and all(isinstance(value, str) for value in inner):
        return set(inner)
    return set().union(*(_literals(part) for part in inner)) if inner else set()


@pytest.mark.parametrize("name", METHODS.names())
def test_table_and_method_agree(name: str) -> None:
    model: type[BaseModel] = METHODS.get(name).load().Options
    table = {option.field: option for option in METHOD_OPTIONS if name in option.methods}
    assert set(table) == set(model.model_fields)
    for field, option in table.items():
        agree(option, model.model_fields[field])


def test_table_and_pretraining_agree() -> None:
    table = {option.field: option for option in PRETRAIN_OPTIONS}
    recipe = table.pop("recipe")  # takes the place of all that decides the result
    assert (
        recipe.choices
        == tuple(RECIPES)
        == get_args(RecipeOptions.model_fields["recipe"].annotation)
    )
    assert set(RecipeOptions.model_fields) - {"recipe"} <= set(table)
    assert set(table) == set(PretrainOptions.model_fields)
    for field, option in table.items():
        if field != "preset":
            agree(option, PretrainOptions.model_fields[field])
    assert table["preset"].choices == tuple(PRESETS)
    assert table["preset"].default == PretrainOptions.model_fields["preset"].default


def test_sizes_of_presets_are_told() -> None:
    (preset,) = [option for option in PRETRAIN_OPTIONS if option.name == "preset"]
    for name, shape in PRESETS.items():
        n = LmShape(n_rows=N_SPECIALS + 100, max_positions=1024, **shape).n_parameters
        told = f"{n / 1e6:.0f}M" if n >= 1e8 else f"{n / 1e6:.1f}M"
        assert f"{name} {told}" in preset.help


def test_a_value_of_a_form_of_its_own_is_shown_in_it() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, METHOD_OPTIONS)
    shown = parser.format_help()
    for example in ("--layers LIST", "--search lr=A,B", "--feature-cache SIZE"):
        assert example in shown


def test_table_and_run_request_agree() -> None:
    table = {option.field: option for option in RUN_OPTIONS}
    assert set(table) | {"options"} == set(RunRequest.model_fields)
    for field, option in table.items():
        agree(option, RunRequest.model_fields[field])


def test_no_name_means_two_things() -> None:
    names = [option.name for option in (*RUN_OPTIONS, *METHOD_OPTIONS)]
    assert len(names) == len(set(names))


def test_what_is_not_given_leaves_no_trace() -> None:
    parser = argparse.ArgumentParser()
    add_options(
        parser,
        [
            Option(name="some-count", kind="int", help="100 % of it", default=3),
            Option(name="place", kind="path", help="x", many=True),
            Option(name="now", kind="flag", help="x"),
            Option(name="shuffle", kind="switch", help="x", default=True),
        ],
    )
    assert vars(parser.parse_args([])) == {}
    given = parser.parse_args(
        ["--some-count", "4", "--place", "a", "--place", "b", "--now", "--no-shuffle"]
    )
    assert vars(given) == {
        "some_count": 4,
        "place": [Path("a"), Path("b")],
        "now": True,
        "shuffle": False,
    }
    assert "100 % of it (default: 3)" in " ".join(parser.format_help().split())


def test_methods_with_an_option() -> None:
    assert methods_with("c") == ("bag-of-units",)
    assert methods_with("nothing") == ()
