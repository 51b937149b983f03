from __future__ import annotations

import fcntl
import json
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.records import load_record
from tests.conftest import BenchCommand, bench_process
from tests.e2e.conftest import lasting, only_run

SLOW = ("run", "--method", "slow", "--task", "ks")


@contextmanager
def slow_run(
    corpus: Path, tmp_path: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """A slow run that has done its second epoch and is working on the third."""
    command = bench_process([*SLOW, "--corpus", corpus, "--option", "epoch_s=0.4"])
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
        # A shell starts background jobs with SIGINT ignored, and what is ignored is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if line == "epoch 2\n":
                break
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def undisturbed(bench: BenchCommand, corpus: Path, tmp_path: Path) -> Path:
    bench(*SLOW, "--corpus", corpus, "--option", "epoch_s=0.4", "--out", "undisturbed")
    return only_run(tmp_path / "undisturbed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_goes_on_and_ends_as_if_it_had_not_stopped(
    bench: BenchCommand,
    bench_environment: dict[str, str],
    corpus: Path,
    tmp_path: Path,
    undisturbed: Path,
    number: signal.Signals,
) -> None:
    with slow_run(corpus, tmp_path, bench_environment) as process:
        time.sleep(0.1)
        process.send_signal(number)
        code = process.wait(timeout=60)
        assert process.stderr is not None
        last_words = process.stderr.read()
    folder = only_run(tmp_path / "runs")
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
        assert not (folder / "record.json").exists()
    else:
        assert code == 130
        assert last_words.splitlines()[-1] == "bench: interrupted"
        record = load_record(folder)
        assert (record.status, record.error) == ("interrupted", f"{number.name} during training")
    done = bench(*SLOW, "--corpus", corpus, "--option", "epoch_s=0.4", "--resume")
    assert "continuing runs/" in done.stderr
    assert "epoch 1\n" not in done.stderr, "what was done is not done again"
    assert lasting(folder) == lasting(undisturbed)
    assert (folder / "model.safetensors").read_text() == (
        undisturbed / "model.safetensors"
    ).read_text()
    epochs = [
        json.loads(line)["epoch"] for line in (folder / "train.jsonl").read_text().splitlines()
    ]
    assert epochs == [1, 2, 3, 4]
    assert load_record(folder).cost.train_s > 4 * 0.4 - 0.1, "time before the stop counts"


def test_a_fault_in_a_method_is_recorded_and_the_next_try_goes_on(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    arguments = (*SLOW, "--corpus", corpus, "--option", "fail_at=2")
    done = bench(*arguments, check=1)
    assert "internal error: ZeroDivisionError: a fault in the method" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in bench(*arguments, "--debug", check=1).stderr
    record = load_record(only_run(tmp_path / "runs"))
    assert record.status == "failed"
    assert record.error == "ZeroDivisionError during training: a fault in the method"
    assert record.train is None


def test_resume_starts_nothing(bench: BenchCommand, corpus: Path, tmp_path: Path) -> None:
    done = bench(*SLOW, "--corpus", corpus, "--resume", check=3)
    assert "there is no such run to continue" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_two_processes_do_not_write_one_run(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    bench(*SLOW, "--corpus", corpus)
    folder = only_run(tmp_path / "runs")
    (folder / "record.json").unlink()
    with (folder / ".lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = bench(*SLOW, "--corpus", corpus, check=1)
        assert "another process" in done.stderr
        assert "is working on this run" in done.stderr
    bench(*SLOW, "--corpus", corpus)
    assert load_record(folder).status == "ok"


def test_a_full_disk_is_said_and_loses_nothing(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    done = bench(*SLOW, "--corpus", corpus, check=1, before=limit)
    folder = only_run(tmp_path / "runs")
    assert "predictions.jsonl: cannot be written: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(folder.glob(".*.tmp"))
    assert (folder / "model.safetensors").exists()
    record = load_record(folder)
    assert record.status == "failed"
    assert record.error is not None
    assert "predictions.jsonl" in record.error
    again = bench(*SLOW, "--corpus", corpus)
    assert "epoch 1\n" not in again.stderr, "training is not done again"
    assert load_record(folder).status == "ok"


def test_a_place_that_cannot_be_written_is_said(
    bench: BenchCommand, corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs").write_text("in the way")
    done = bench(*SLOW, "--corpus", corpus, check=1)
    assert "cannot be written" in done.stderr
    assert "a file stands where a folder is needed" in done.stderr


@pytest.mark.parametrize(
    ("split", "line", "message"),
    [
        ("train", "a|1 x 3|0", "train.txt:121: "),
        ("train", "a|1 2", "train.txt:121: "),
        ("train", "", "train.txt:121: "),
        ("test", "a|1 2|9", "labels that never occur in training: '9'"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_made(
    bench: BenchCommand, corpus: Path, tmp_path: Path, split: str, line: str, message: str
) -> None:
    with (corpus / f"{split}.txt").open("a") as file:
        file.write(line + "\n")
    done = bench("run", "--method", "majority", "--task", "ks", "--corpus", corpus, check=1)
    assert message in done.stderr
    assert not (tmp_path / "runs").exists()
