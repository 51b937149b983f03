"""A speech synthesiser as a program of its own: requests on stdin, audio on stdout.

espeak-ng is licensed under the GPL. It is loaded here and nowhere else: this file imports nothing
of the package, and the package starts it by its path and talks to it through pipes.

What espeak-ng says depends on what it said before. So the library is set up once, and each request
is spoken by a fork of that untouched process, with the library's and libc's random numbers seeded:
the same request gives the same samples, whatever came before and whoever else is at work.

Request, one JSON object a line:
    text, voice ("en-us+f2"), rate (words a minute), pitch (0-99), range (0-99), gap (10 ms units)
Answer: a JSON line {"n_samples", "phonemes"}, then n_samples little-endian int16 at the rate that
the first line of all, {"sample_rate_hz", "version"}, named. `phonemes` is a list of
[name, first sample].
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import BinaryIO, TypeAlias

AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_PHONEME_EVENTS = 0x0001
INITIALIZE_PHONEME_IPA = 0x0002
INITIALIZE_DONT_EXIT = 0x8000
CHARS_UTF8 = 1
RATE, PITCH, RANGE, WORDGAP = 1, 3, 4, 7
EVENT_LIST_TERMINATED, EVENT_PHONEME = 0, 7
RANDOM_SEED = 1


class _EventId(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h, API revision 12."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Samples: TypeAlias = "ctypes._Pointer[ctypes.c_short]"
_Events: TypeAlias = "ctypes._Pointer[_Event]"
_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def main(library_path: str, data_path: str) -> int:
    """Serves requests until stdin ends; returns the exit code."""
    library = ctypes.CDLL(library_path)
    libc = ctypes.CDLL(None)
    options = INITIALIZE_PHONEME_EVENTS | INITIALIZE_PHONEME_IPA | INITIALIZE_DONT_EXIT
    sample_rate_hz = library.espeak_Initialize(
        AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path.encode(), options
    )
    if sample_rate_hz <= 0:
        return _fail(f"espeak-ng cannot be initialised with the data in {data_path}")
    library.espeak_Info.restype = ctypes.c_char_p
    version = library.espeak_Info(None).decode().split()[0]
    answers = sys.stdout.buffer
    answers.write(_line({"sample_rate_hz": sample_rate_hz, "version": version}))
    answers.flush()
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            os._exit(_speak(library, libc, json.loads(line), answers))
        _, status = os.waitpid(child, 0)
        if status != 0:
            return _fail(f"espeak-ng failed (wait status {status}) on {line.decode().strip()}")
    return 0


def _speak(
    library: ctypes.CDLL, libc: ctypes.CDLL, request: dict[str, object], answers: BinaryIO
) -> int:
    """Speaks one request onto `answers`; returns an exit code. Runs in a fork."""
    pieces: list[bytes] = []
    phonemes: list[tuple[str, int]] = []

    def hear(samples: _Samples, n: int, events: _Events) -> int:
        if samples and n > 0:
            pieces.append(ctypes.string_at(samples, 2 * n))
        i = 0
        while events[i].type != EVENT_LIST_TERMINATED:
            if events[i].type == EVENT_PHONEME:
                phonemes.append((events[i].id.string.decode("utf-8", "replace"), events[i].sample))
            i += 1
        return 0

    callback = _Callback(hear)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(str(request["voice"]).encode()) != 0:
        print(f"espeak-ng has no voice {request['voice']!r}", file=sys.stderr)
        return 1
    for parameter, name in ((RATE, "rate"), (PITCH, "pitch"), (RANGE, "range"), (WORDGAP, "gap")):
        library.espeak_SetParameter(parameter, int(str(request[name])), 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(RANDOM_SEED))
    libc.srand(RANDOM_SEED)
    text = str(request["text"]).encode()
    if library.espeak_Synth(text, len(text) + 1, 0, 1, 0, CHARS_UTF8, None, None) != 0:
        return 1
    library.espeak_Synchronize()
    audio = b"".join(pieces)
    answers.write(_line({"n_samples": len(audio) // 2, "phonemes": phonemes}) + audio)
    answers.flush()
    return 0


def _line(content: dict[str, object]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _fail(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
