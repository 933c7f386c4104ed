"""The start as a person sees it: one calm text, or what is to be mended; never a traceback."""

import http.client
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.proxy import ROOT, Proxy, free_port, proxy

MITMDUMP = Path(sys.executable).with_name("mitmdump")


def start(home: Path, *arguments: str, config: str = "") -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself."""
    (home / "config.yaml").write_text(config)
    return subprocess.run(
        [MITMDUMP, "-s", ROOT / "addons" / "cliproxy.py", "--set", f"confdir={home}", *arguments],
        cwd=home,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        yield other.getsockname()[1]


def ask(running: Proxy, path: str) -> int:
    line = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    try:
        line.request("GET", path)
        return line.getresponse().status
    finally:
        line.close()


@pytest.mark.parametrize(
    ("config", "arguments", "said"),
    [
        ("port: many", [], "config.yaml:1:7: error: port: should be a whole number"),
        ("", ["--listen-host", "0.0.0.0"], "0.0.0.0 can be reached from other machines"),
        ("tls: {enable: true, cert: none, key: none}", [], "'none' cannot be read"),
    ],
)
def test_a_config_that_cannot_be_used_ends_the_start(config, arguments, said, tmp_path):
    done = start(tmp_path, *arguments, config=config)
    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "listening" not in done.stdout


def test_a_busy_port_ends_the_start(tmp_path):
    with taken_port() as port:
        done = start(tmp_path, config=f"port: {port}")
    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 cannot be had" in done.stdout
    assert "--mode" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_greeting_is_all_that_is_said_and_its_curl_works(tmp_path):
    with proxy({}, tmp_path) as running:
        said = running.log.partition("GET ")[0]
        assert f"  cliproxy   {running.url}\n" in running.log
        assert f"curl -N {running.url}/v1/chat/completions" in running.log
        assert re.search("demo-text, demo-thinking, demo-tools", running.log)
        assert "listening at" not in said
        assert ask(running, "/v1/models") == 200
    assert f"GET {running.url}/v1/models" in running.log


def test_a_saved_flow_is_shown_as_it_was(tmp_path):
    with proxy({}, tmp_path, record=True) as running:
        assert ask(running, "/v1/models") == 200
    home = tmp_path / "later"
    home.mkdir()
    done = start(home, "-n", "-r", str(running.flows), config=f"port: {free_port()}")
    assert done.returncode == 0
    assert f"GET {running.url}/v1/models" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_reload_that_would_open_the_door_is_refused(tmp_path):
    """The keys go while the command line has us listen to everybody."""
    with proxy({"api-keys": ["a-key-of-my-own"]}, tmp_path, args=["--listen-host", "0.0.0.0"]) as running:
        (tmp_path / "config.yaml").write_text(f"port: {running.port}\n")
        for _ in range(200):
            if "stays as it was" in running.log:
                break
            ask(running, "/healthz")
        line = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
        line.request("GET", "/v1/models")
        assert line.getresponse().status == 401
        line.close()
