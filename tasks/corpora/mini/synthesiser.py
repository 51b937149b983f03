"""The synthesiser as the package sees it: a program behind two pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.environment import n_cores
from bench.errors import MissingError, RunFailedError

Item = TypeVar("Item")

SAMPLE_RATE_HZ = 22050
WORKER = Path(__file__).with_name("espeak_worker.py")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is to be spoken, and how.

    Attributes:
        text: the words, in the voice's language.
        voice: language and variant, e.g. `en-us+f2`.
        rate: words a minute.
        pitch: 0 to 99.
        range: of the pitch, 0 to 99.
        gap: pause between words, in 10 ms.
    """

    text: str
    voice: str
    rate: int
    pitch: int
    range: int
    gap: int = 0


class Speech(NamedTuple):
    """What was spoken.

    Attributes:
        samples: (n,) int16 at 22050 Hz.
        phonemes: (IPA name, first sample) of each.
    """

    samples: NDArray[np.int16]
    phonemes: list[tuple[str, int]]


class Synthesiser:
    """A running synthesiser; a context manager. One thread at a time may use it.

    Raises:
        MissingError: if the library is not installed.
        RunFailedError: if its program does not start.
    """

    def __init__(self) -> None:
        library, data = _installed()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(WORKER), str(library), str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Its own group: Ctrl-C is for us, and it ends when our end of the pipe closes.
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name in _PASSED_ON},
        )
        about = self._line()
        if about["sample_rate_hz"] != SAMPLE_RATE_HZ:
            raise self._failed(f"it speaks at {about['sample_rate_hz']} Hz, not {SAMPLE_RATE_HZ}")
        self.version: str = about["version"]

    def __enter__(self) -> Synthesiser:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the program."""
        self.close()

    def close(self) -> None:
        """Ends the program; may be called twice."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):  # what it did not live to read
                pipe.close()
        self._process.wait()

    def speak(self, request: Request) -> Speech:
        """Speaks a text; the same request gives the same samples, whatever was spoken before.

        Raises:
            RunFailedError: if the program ends or cannot speak it.
        """
        pipe, answers = self._process.stdin, self._process.stdout
        assert pipe is not None
        assert answers is not None
        try:
            pipe.write(json.dumps(asdict(request)).encode() + b"\n")
            pipe.flush()
        except BrokenPipeError:
            raise self._failed("it ended") from None
        about = self._line()
        n_bytes = 2 * about["n_samples"]
        audio = answers.read(n_bytes)
        if len(audio) != n_bytes:
            raise self._failed(f"it ended within the samples of {request.text!r}")
        samples = np.frombuffer(audio, "<i2").astype(np.int16)
        return Speech(samples, [(name, start) for name, start in about["phonemes"]])

    def _line(self) -> dict[str, Any]:
        answers = self._process.stdout
        assert answers is not None
        line = answers.readline()
        if not line.endswith(b"\n"):
            raise self._failed("it ended")
        content: dict[str, Any] = json.loads(line)
        return content

    def _failed(self, what: str) -> RunFailedError:
        self._process.kill()
        assert self._process.stderr is not None
        said = self._process.stderr.read().decode("utf-8", "replace").strip()
        return RunFailedError(
            f"the speech synthesiser failed: {what}" + (f": {said}" if said else ""),
            where="espeak-ng",
            hint="is `espeakng-loader` whole? pip install --force-reinstall espeakng-loader",
        )


def on_all_cores(make: Callable[[Item, Synthesiser], object], items: Sequence[Item]) -> None:
    """Calls `make` once for each item; a call has a synthesiser to itself.

    Args:
        make: may be called by several threads at once.
        items: what to make.

    Raises:
        MissingError: if the synthesiser is not installed.
        Exception: whatever `make` raises first; calls that have not begun are given up.
    """
    n_threads = min(n_cores(), len(items))
    with ExitStack() as stack:
        idle: SimpleQueue[Synthesiser] = SimpleQueue()
        for _ in range(n_threads):
            idle.put(stack.enter_context(Synthesiser()))

        def call(item: Item) -> None:
            synthesiser = idle.get()
            try:
                make(item, synthesiser)
            finally:
                idle.put(synthesiser)

        pool = ThreadPoolExecutor(max(1, n_threads))
        try:
            for _ in pool.map(call, items):
                pass
        finally:
            pool.shutdown(cancel_futures=True)


_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "GLIBC_TUNABLES")


def _installed() -> tuple[Path, Path]:
    """The library and its data, found without loading either."""
    found = find_spec("espeakng_loader")
    if found is None or found.origin is None:
        raise MissingError(
            "the speech synthesiser is not installed",
            where="corpus mini",
            hint="pip install espeakng-loader",
        )
    folder = Path(found.origin).parent
    suffix = "dylib" if sys.platform == "darwin" else "so"
    library, data = folder / f"libespeak-ng.{suffix}", folder / "espeak-ng-data"
    if not library.is_file() or not data.is_dir():
        raise MissingError("espeakng-loader lacks its library or its data", where=str(folder))
    return library, data
