"""What turns a waveform into frames, and the file it is kept in.

`encoder.safetensors` holds an encoder's tensors; its metadata say of which kind it is and how it
was set. A new kind is a class of this shape and a line in `KINDS`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bench.errors import CheckpointError, MissingError, UnknownNameError
from bench.files import write_atomic

FILE = "encoder.safetensors"

KINDS = {"mfcc": "bench.speech.mfcc:MfccEncoder", "ssl": "bench.speech.ssl:SslEncoder"}
"""Kinds of encoders by name, each as "module:class"."""

Tensors = Mapping[str, NDArray[Any]]


class Encoder(Protocol):
    """A frozen front end."""

    @property
    def kind(self) -> str:
        """Its name in `KINDS`."""
        ...

    @property
    def frame_rate_hz(self) -> float:
        """Frames a second."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """What else than its tensors decides its frames; JSON values."""
        ...

    @property
    def tensors(self) -> Tensors:
        """Its weights."""
        ...

    def encode(self, waveforms: NDArray[np.float32]) -> NDArray[np.float32]:
        """Frames of waveforms of equal length; none depends on its neighbours.

        Args:
            waveforms: (batch, n_samples) at 16 kHz, n_samples >= 1.

        Returns:
            (batch, n_frames, dim) float32, n_frames >= 1.
        """
        ...

    @classmethod
    def restore(cls, settings: dict[str, Any], tensors: Tensors) -> Encoder:
        """The encoder that `settings` and `tensors` came from.

        Raises:
            ValueError: if they do not fit.
        """
        ...


def save_encoder(folder: Path, encoder: Encoder) -> None:
    """Writes `encoder.safetensors` into a folder.

    Raises:
        StorageError: if it cannot be written.
    """
    about = json.dumps({"kind": encoder.kind, "settings": encoder.settings}, sort_keys=True)
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in encoder.tensors.items()}
    write_atomic(folder / FILE, save(tensors, {"about": about}))


def load_encoder(folder: Path) -> Encoder:
    """Reads `encoder.safetensors`.

    Raises:
        MissingError: if there is none.
        CheckpointError: if it is damaged, or of an unknown kind.
    """
    path = folder / FILE
    if not path.is_file():
        raise MissingError(
            "there is no encoder here, so audio cannot become units",
            where=str(path),
            hint="give a units folder, or a GSLM that carries its encoder",
        )
    try:
        with safe_open(path, framework="np") as file:
            about = json.loads((file.metadata() or {})["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        kind, settings = str(about["kind"]), dict(about["settings"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"is no encoder: {error}", where=str(path)) from error
    if kind not in KINDS:
        raise UnknownNameError("kind of encoder", kind, KINDS, where=str(path))
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise CheckpointError(f"{name} holds values that are not finite", where=str(path))
    module, _, name = KINDS[kind].partition(":")
    try:
        found = getattr(importlib.import_module(module), name).restore(settings, tensors)
    except ValueError as error:
        raise CheckpointError(str(error), where=str(path)) from error
    return cast(Encoder, found)
