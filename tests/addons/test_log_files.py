"""Names, places and ages of log files; the thread that writes them."""

import os
import threading
from datetime import datetime
from pathlib import Path

import pytest

from addons.log_files import (
    application_folder,
    keep_errors,
    keep_size,
    request_folder,
    request_name,
    rotated_name,
)
from addons.private_files import write_new
from addons.writer import Writer

WHEN = datetime(2026, 2, 20, 10, 11, 12, 345_678)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/messages?beta=true", "v1-messages-2026-02-20T101112-a1b2c3d4.log"),
        ("/v1beta/models/x:countTokens", "v1beta-models-x-countTokens-2026-02-20T101112-a1b2c3d4.log"),
        ("/", "root-2026-02-20T101112-a1b2c3d4.log"),
        ("/../..//a b", "..-..-a-b-2026-02-20T101112-a1b2c3d4.log"),
    ],
)  # fmt: skip
def test_names(path: str, name: str) -> None:
    assert request_name(path, WHEN, "a1b2c3d4", error=False) == name
    assert request_name(path, WHEN, "a1b2c3d4", error=True) == f"error-{name}"
    assert rotated_name(WHEN) == "main-2026-02-20T10-11-12.345.log"


def test_folders(tmp_path: Path) -> None:
    told = {"WRITABLE_PATH": "/w"}
    assert application_folder(told, tmp_path, Path("/auth")) == request_folder(told, None) == Path("/w/logs")
    assert application_folder({}, tmp_path, Path("/auth")) == tmp_path / "logs"
    assert application_folder({}, tmp_path / "none", Path("/auth")) == Path("/auth/logs")
    assert request_folder({}, Path("/etc/config.yaml")) == Path("/etc/logs")
    assert request_folder({}, None) is None


def aged(folder: Path, *names: str, size: int = 100) -> None:
    """Files, the oldest first."""
    for age, name in enumerate(names):
        write_new(folder / name, bytes(size))
        os.utime(folder / name, (age, age))


def test_the_oldest_go_and_main_log_stays(tmp_path: Path) -> None:
    aged(tmp_path, "main.log", "a.log", "b.log.gz", "c.log", "notes.txt")
    keep_size(tmp_path, 0)
    assert len(list(tmp_path.iterdir())) == 5
    keep_size(tmp_path, 250)
    assert {path.name for path in tmp_path.iterdir()} == {"main.log", "c.log", "notes.txt"}
    keep_size(tmp_path, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"main.log", "notes.txt"}


def test_the_newest_errors_stay(tmp_path: Path) -> None:
    aged(tmp_path, "error-a.log", "error-b.log", "error-c.log", "other.log")
    keep_errors(tmp_path, 0)
    assert len(list(tmp_path.iterdir())) == 4
    keep_errors(tmp_path, 2)
    assert {path.name for path in tmp_path.iterdir()} == {"error-b.log", "error-c.log", "other.log"}


def test_files_are_their_owners(tmp_path: Path) -> None:
    write_new(tmp_path / "logs" / "a.log", b"x")
    assert (tmp_path / "logs" / "a.log").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700


def test_a_slow_disk_stops_nobody() -> None:
    writer, gate, done = Writer(jobs=3, size=100), threading.Event(), list[int]()

    def job(number: int) -> None:
        gate.wait(10)
        done.append(number)

    taken = [writer.put(lambda number=number: job(number), 40) for number in range(9)]  # type: ignore[misc]
    assert taken == [True, True, *[False] * 7]
    assert writer.left_out == 7
    gate.set()
    writer.close()
    assert done == [0, 1]
    assert writer.put(lambda: done.append(9), 10_000)  # alone it may be as large as it likes
    writer.close()
    assert done == [0, 1, 9]


def test_a_job_that_fails_is_told_and_the_next_is_done() -> None:
    writer, done = Writer(), list[int]()
    writer.put(lambda: Path("/nowhere/x").write_text(""), 1)  # type: ignore[arg-type,return-value]
    writer.put(lambda: done.append(1), 1)
    writer.close()
    assert done == [1]
