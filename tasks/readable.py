"""What names, labels and texts must be, so that they come back from files as they were read.

Python takes half of a surrogate pair for a character; JSON can escape one, and a file name that is
not UTF-8 reads as such. No file can hold it, so it is refused where it is read, not where answers
are written.
"""

from __future__ import annotations

from bench.errors import DataError


def writable(text: str, what: str) -> str:
    """The text itself, if UTF-8 can hold it.

    Args:
        text: from a manifest, or a name of the file system.
        what: it is, for the message.

    Raises:
        DataError: if it cannot; the caller knows the place and adds it.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(
            f"{what} {text!r} cannot be written as UTF-8",
            hint="half of a surrogate pair, or a file name in another encoding: write it anew",
        ) from None
    return text


def label(text: str, what: str) -> str:
    """The label itself, if it can be written and is not another one's double.

    Args:
        text: of the label.
        what: it is, for the message.

    Raises:
        DataError: if it cannot, or begins or ends with blanks; the caller adds the place.
    """
    if text.strip() != text:
        raise DataError(
            f"{what} {text!r} begins or ends with blanks",
            hint=f"it would be another label than {text.strip()!r}: take the blanks away",
        )
    return writable(text, what)
