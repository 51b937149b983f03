"""Sound files that do not say how long they are: FLAC that was written to a pipe.

libsndfile gives them the largest number of frames there can be. soundfile then allocates that, and
after the last block it seeks to where the file ends, which libsndfile cannot do in such a file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

UNKNOWN = 2**62
"""So many frames, or more, are no length."""
_BLOCK = 1 << 16


class _Stream(soundfile.SoundFile):  # type: ignore[misc]
    """Read from the beginning to the end, without a seek."""

    def seekable(self) -> bool:
        return False


def read_to_end(path: Path) -> NDArray[np.float32]:
    """All samples of a file.

    Returns:
        (n_frames, n_channels) float32.

    Raises:
        soundfile.LibsndfileError: if it cannot be decoded, or ends within a block.
    """
    blocks = []
    with _Stream(str(path)) as file:
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            blocks.append(block)
        empty = np.zeros((0, file.channels), np.float32)
    return np.concatenate([empty, *blocks])
