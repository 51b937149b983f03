"""A training checkpoint: tensors and a JSON state in one safetensors file, written atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.errors import CheckpointError
from bench.files import clear_temporaries, make_folder, write_atomic

if TYPE_CHECKING:
    from torch import Tensor


class Checkpoint(NamedTuple):
    """What a training loop needs to go on as if it had never stopped."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write a checkpoint; a reader finds the old one or the new one, never a part.

    Args:
        path: file; its folder is made.
        tensors: any tensors.
        state: JSON values.

    Raises:
        StorageError: if it cannot be written; the old checkpoint is still there.
    """
    from safetensors.torch import save

    make_folder(path.parent)
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, save(ready, {"state": json.dumps(state)}))


def load_checkpoint(path: Path, *, what: Mapping[str, Any]) -> Checkpoint | None:
    """Read a checkpoint back; clears what a killed writer left beside it.

    Args:
        path: file.
        what: entries that the state must hold with equal values (options, fingerprints): a
            checkpoint of another run is refused.

    Returns:
        The checkpoint, or None if there is none.

    Raises:
        CheckpointError: if it cannot be read or belongs to another run.
    """
    from safetensors import SafetensorError, safe_open

    clear_temporaries(path.parent)
    if not path.exists():
        return None
    hint = "use --overwrite to start anew"
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        message = f"the checkpoint cannot be read: {error}"
        raise CheckpointError(message, where=str(path), hint=hint) from error
    for name, value in what.items():
        if state.get(name) != json.loads(json.dumps(value)):
            raise CheckpointError(
                f"the checkpoint was written with {name} = {state.get(name)!r}, "
                f"this run has {value!r}",
                where=str(path),
                hint=hint,
            )
    return Checkpoint(tensors, state)
