"""Reading a fairseq checkpoint without trusting it.

A checkpoint is a pickle, and a pickle can name any function for the reader to call. Here the
globals it names are listed first, without running anything. Tensors, containers and numbers are
rebuilt by torch's `weights_only` unpickler; configuration objects (argparse, omegaconf, fairseq)
become inert `Recorded` stand-ins, so neither package is needed; any other name is refused.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any

import torch

from bench.errors import CheckpointError, MissingError

_TORCH_OWN = (
    "collections.OrderedDict",
    "collections.Counter",
    "_codecs.encode",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.set",
)
"""What torch's unpickler itself allows outside `torch.`; within `torch.` it decides alone."""

_RECORDED_PACKAGES = ("omegaconf", "fairseq")
_RECORDED = (
    "argparse.Namespace",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "pathlib.PosixPath",
    "typing.Any",
    "typing.Dict",
    "typing.List",
    "typing.Optional",
    "typing.Tuple",
    "typing.Union",
    *(f"builtins.{n}" for n in ("bool", "dict", "float", "int", "list", "object", "str", "tuple")),
)
"""Names that occur in fairseq's checkpoints; each becomes a stand-in that does nothing."""

_ZIP = b"PK\x03\x04"
_LEGACY_PICKLES = 5
"""Pickles at the head of a file of torch < 1.6: magic number, version, system, object, keys."""


class Recorded:
    """Stands for an object of a class that is not loaded: its arguments and its state."""

    def __new__(cls, *args: object) -> Recorded:
        """Takes any arguments and only keeps them."""
        self = super().__new__(cls)
        self.arguments = args
        self.state = None
        return self

    arguments: tuple[object, ...]
    state: object

    def __setstate__(self, state: object) -> None:
        self.state = state


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """The dictionary in a checkpoint, tensors on the CPU and mapped from the file where possible.

    Args:
        path: a file written by `torch.save`, in the zip format or the older one.

    Raises:
        MissingError: if there is no such file.
        CheckpointError: if it names a global that is not allowed (nothing was run), is truncated,
            or is no checkpoint.
    """
    where = str(path)
    if not path.is_file():
        raise MissingError("no such checkpoint", where=where)
    unreadable = CheckpointError(
        "cannot be read as a PyTorch checkpoint",
        where=where,
        hint="it may be truncated or something else: compare its size, fetch it again",
    )
    try:
        with path.open("rb") as stream:
            zipped = stream.read(len(_ZIP)) == _ZIP
        names = sorted(set(_globals_in(path, zipped)))
    except (ValueError, EOFError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise unreadable from error
    refused = [n for n in names if not (_is_recorded(n) or _is_torch_own(n))]
    if refused:
        raise _refusal(", ".join(refused), where)
    stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        _stand_in(n) for n in names if _is_recorded(n)
    ]
    try:
        with torch.serialization.safe_globals(stand_ins):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except UnpicklingError as error:
        culprit = str(error).partition("GLOBAL ")[2].split(maxsplit=1)
        if culprit:
            raise _refusal(culprit[0], where) from error
        raise unreadable from error
    except (RuntimeError, EOFError, OSError, ValueError, TypeError, LookupError) as error:
        raise unreadable from error
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"holds a {type(content).__name__}, not fairseq's dictionary", where=where
        )
    return content


def _refusal(names: str, where: str) -> CheckpointError:
    return CheckpointError(
        f"refused: its pickle names {names}, which no unit LM needs; nothing was run",
        where=where,
        hint="a checkpoint of fairseq's language_modeling task does not name it; if you trust "
        "the file, save its 'args' or 'cfg' and 'model' anew from fairseq",
    )


def _is_recorded(name: str) -> bool:
    return (
        name in _RECORDED or name.partition(".")[0] in _RECORDED_PACKAGES or _is_defaultdict(name)
    )


def _is_defaultdict(name: str) -> bool:
    return name == "collections.defaultdict"


def _is_torch_own(name: str) -> bool:
    return name in _TORCH_OWN or name.startswith("torch.")


def _stand_in(name: str) -> Callable[..., object]:
    """A class or function of that name for torch's unpickler to find."""
    module, _, attribute = name.rpartition(".")
    if _is_defaultdict(name):

        def defaultdict(*_: object) -> dict[object, object]:
            return {}

        defaultdict.__module__, defaultdict.__qualname__ = module, attribute
        return defaultdict
    return type(attribute, (Recorded,), {"__module__": module, "__qualname__": attribute})


def _globals_in(path: Path, zipped: bool) -> Iterator[str]:
    """Names of the globals in a checkpoint's pickles, read without running them."""
    if zipped:
        with zipfile.ZipFile(path) as archive:
            pickles = [n for n in archive.namelist() if n.endswith(".pkl")]
            if [n.rpartition("/")[2] for n in pickles] != ["data.pkl"]:
                raise ValueError(f"expected one data.pkl, found {pickles}")
            yield from _globals_of(io.BytesIO(archive.read(pickles[0])))
        return
    with path.open("rb") as stream:
        for _ in range(_LEGACY_PICKLES):
            yield from _globals_of(stream)


def _globals_of(stream: IO[bytes]) -> Iterator[str]:
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name == "STACK_GLOBAL":
            raise ValueError("a pickle protocol that torch.save does not write")
        if opcode.name in ("GLOBAL", "INST"):
            module, _, name = str(argument).partition(" ")
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[(module, name)]
            yield f"{IMPORT_MAPPING.get(module, module)}.{name}"
