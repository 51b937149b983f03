"""The GSLM folder: `gslm.json` and `lm.safetensors`, read strictly."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from bench import random
from bench.errors import CheckpointError, MissingError, UsageError
from bench.files import make_folder, remove, sha256_of_file, write_atomic
from bench.gslm.card import GslmCard
from bench.gslm.lm import UnitLM
from bench.gslm.registry import RANDOM
from bench.speech import encoder as encoders
from bench.speech import kmeans as clusterings

CARD = "gslm.json"
SPEECH_SIDE = (encoders.FILE, clusterings.FILE)
"""What a GSLM that hears carries beside its LM."""


class Gslm(NamedTuple):
    """A GSLM as loaded.

    Attributes:
        fingerprint: SHA-256 in hex over the LM's shape, its unit rows and its weights.
    """

    card: GslmCard
    lm: UnitLM
    fingerprint: str

    def rows_of(self, units: NDArray[np.int32]) -> NDArray[np.int64]:
        """Embedding rows of units.

        Args:
            units: (n,) unit ids, each below `card.n_units`.

        Returns:
            (n,) int64.
        """
        rows: NDArray[np.int64] = np.asarray(self.card.rows, np.int64)[units]
        return rows


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Refuses to replace a GSLM unasked.

    Raises:
        UsageError: if one is there.
    """
    if (folder / CARD).exists() and not overwrite:
        raise UsageError("a GSLM is already here", where=str(folder), hint="add --overwrite")


def save_gslm(folder: Path, card: GslmCard, lm: UnitLM) -> None:
    """Write a GSLM folder; the card comes last, so a folder with a card is whole.

    An old card goes first: it must not describe the new weights if the process dies in between.
    So does what an old GSLM heard with, where the new one has no encoder.

    Raises:
        StorageError: if it cannot be written.
    """
    make_folder(folder)
    remove(folder / CARD)
    if card.encoder is None:
        for name in SPEECH_SIDE:
            remove(folder / name)
    weights = {name: tensor.contiguous() for name, tensor in lm.state_dict().items()}
    write_atomic(folder / "lm.safetensors", save(weights))
    write_atomic(folder / CARD, card.model_dump_json(indent=1) + "\n")


def read_card(folder: Path) -> GslmCard:
    """Read `gslm.json`.

    Raises:
        MissingError: if the folder or the card is not there.
        CheckpointError: if the card is not valid.
    """
    path = folder / CARD
    if not path.is_file():
        raise MissingError(
            f"no GSLM here: {CARD} is missing",
            where=str(folder),
            hint="make one with `bench pretrain --units FOLDER --out DIR` "
            "or `bench import CHECKPOINT --out DIR`",
        )
    try:
        return GslmCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in e['loc']) or 'file'}: {e['msg']}"
            for e in error.errors()
        )
        raise CheckpointError(f"not a valid card: {problems}", where=str(path)) from error


def load_gslm(folder: Path) -> Gslm:
    """Load a GSLM folder; every weight must be there, of the right shape, finite, and no other.

    Raises:
        MissingError: if a file is not there.
        CheckpointError: if the card or the weights are not right.
    """
    card = read_card(folder)
    path = folder / "lm.safetensors"
    if not path.is_file():
        raise MissingError("the LM's weights are missing", where=str(path))
    try:
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"cannot be read: {error}",
            where=str(path),
            hint="the file is truncated or damaged: copy or import it again",
        ) from error
    lm = UnitLM(card.lm)
    check_weights(weights, lm, str(path))
    lm.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    identity = json.dumps([card.lm.model_dump(), card.rows, sha256_of_file(path)])
    return Gslm(card, lm, hashlib.sha256(identity.encode()).hexdigest())


def untrained(card: GslmCard) -> Gslm:
    """The control of a GSLM: the same units and shape, weights as they are before any training.

    They are always the same ones. Its name is `random:` before the GSLM's.

    Args:
        card: the GSLM's; its weights need not be read.
    """
    card = card.model_copy(update={"name": RANDOM + card.name})
    lm = UnitLM(card.lm).reset(random.torch_generator(0, "pretrain", "weights"))
    identity = json.dumps([card.lm.model_dump(), card.rows, "untrained"])
    return Gslm(card, lm, hashlib.sha256(identity.encode()).hexdigest())


def check_weights(weights: dict[str, torch.Tensor], lm: UnitLM, where: str) -> None:
    """Refuse weights that are missing, unexpected, of another shape, or not finite.

    Args:
        weights: names as in `UnitLM.state_dict()`.
        lm: the model they are meant for.
        where: file, for the message.

    Raises:
        CheckpointError: naming them.
    """
    wanted = lm.state_dict()
    problems = [f"{name} is missing" for name in sorted(wanted.keys() - weights.keys())]
    problems += [f"{name} is unexpected" for name in sorted(weights.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & weights.keys()):
        if weights[name].shape != wanted[name].shape:
            problems.append(
                f"{name} has shape {tuple(weights[name].shape)}, not {tuple(wanted[name].shape)}"
            )
        elif not bool(torch.isfinite(weights[name]).all()):
            problems.append(f"{name} holds values that are not finite")
    if problems:
        more = f" and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise CheckpointError("; ".join(problems[:8]) + more, where=where)
