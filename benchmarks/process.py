"""Programs started for a measurement: their ports, their CPU time and their memory."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str | Path], home: Path, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program with an environment of its own; ended at the end. What it says goes to the file `output`."""
    environment = os.environ | {"HOME": str(home), "CLIPROXY_CONFIG": "", "PYTHONPATH": str(ROOT)}
    with output.open("wb") as sink:
        program = subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
        try:
            yield program
        finally:
            program.terminate()
            with suppress(subprocess.TimeoutExpired):
                program.wait(10)
            program.kill()
            program.wait()


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads so far: to the nanosecond on Linux, elsewhere what ps says."""
    total = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    except FileNotFoundError:
        said = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
        minutes, _, seconds = said.strip().rpartition(":")
        hours, _, minutes = minutes.rpartition(":")
        return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)
    return total / 1e9


def memory_mb(pid: int) -> float:
    """Resident memory in MB."""
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return int(said) / 1024


def wait_for_answer(port: int, request: bytes, program: subprocess.Popen[bytes], output: Path) -> float:
    """Ask until the answer begins with a 200; the time it took in seconds. RuntimeError if it does not within 60 s."""
    began = time.perf_counter()
    while time.perf_counter() - began < 60 and program.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(request)
            if connection.recv(64).startswith(b"HTTP/1.1 200"):
                return time.perf_counter() - began
        time.sleep(0.005)
    raise RuntimeError(f"{program.args!r} gives no answer:\n{output.read_text()[-2000:]}")
