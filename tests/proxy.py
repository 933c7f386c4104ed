"""A real mitmdump (or mitmweb) with the addons loaded, in a process and a home folder of its own."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN = 30.0  # seconds; usually 1.5, more on a machine that is busy
STOPS_WITHIN = 15.0
CRASHES = ("Traceback (most recent call last)", "mitmproxy has crashed", "Addon error", "Task exception was never")


@dataclass(frozen=True)
class Proxy:
    """A proxy that answers. home holds everything it wrote; flows is the file given to -w, if it was."""

    port: int
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The base address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def flows(self) -> Path:
        """The flow file of a proxy started with record=True."""
        return self.home / "flows.mitm"

    @property
    def log(self) -> str:
        """Everything printed so far."""
        return (self.home / "log").read_text(errors="replace")


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def proxy(
    config: dict[str, Any],
    home: Path,
    *,
    args: Sequence[str] = (),
    record: bool = False,
    ready: str = "/healthz",
    program: str = "mitmdump",
) -> Iterator[Proxy]:
    """Run mitmdump, or another `program` of mitmproxy's, until the block ends. In `config` host, port and auth-dir are
    filled in.

    Raises AssertionError if it does not come up, dies, or has a traceback in its log.
    """
    home.mkdir(parents=True, exist_ok=True)
    port = config.get("port") or free_port()
    filled = {"host": "127.0.0.1", "port": port, "auth-dir": str(home / "auth")} | config
    path = home / "config.yaml"
    path.write_text(yaml.safe_dump(filled))
    path.chmod(0o600)
    options = ["--set", f"cliproxy_config={path}", "--set", f"confdir={home / 'mitmproxy'}"]
    command = [str(Path(sys.executable).with_name(program)), "-s", str(ROOT / "addons" / "cliproxy.py"), *options]
    if record:
        command += ["-w", str(home / "flows.mitm")]
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "TMPDIR")}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *args],
            cwd=home,
            env=clean | {"HOME": str(home), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    running = Proxy(port, home, process)
    try:
        _await_ready(running, ready)
        yield running
        assert process.poll() is None, f"the proxy died with {process.returncode}:\n{running.log[-4000:]}"
    finally:
        _stop(process)
    for crash in CRASHES:
        assert crash not in running.log, f"the proxy's log:\n{running.log[-8000:]}"


def _await_ready(running: Proxy, path: str) -> None:
    """Ask until it answers."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and running.process.poll() is None:
        line = http.client.HTTPConnection("127.0.0.1", running.port, timeout=2)
        try:
            line.request("GET", path)
            if line.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass  # not yet
        finally:
            line.close()
        time.sleep(0.03)
    raise AssertionError(f"the proxy does not answer GET {path}:\n{running.log[-8000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process by its id: politely, so that flow files are complete, then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
