from __future__ import annotations

import os
import signal
import threading

import pytest

from bench.interruption import Interrupted, interruptible, uninterruptible


def test_sigterm_interrupts_inside_and_not_after() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def wait_for_it() -> None:
        with interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()

    with pytest.raises(Interrupted) as caught:
        wait_for_it()
    assert caught.value.signal_name == "SIGTERM"
    assert isinstance(caught.value, KeyboardInterrupt)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_last_word_is_not_cut_short() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible(), uninterruptible():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_change_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with interruptible(), uninterruptible():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
