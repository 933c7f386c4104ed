"""Four log-ins on a disk, two commands, and all of them are behind one address; their table, and what a person does."""

import importlib.util
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from credentials.usage import day_of
from credentials.usage_files import day_in
from tests.end_to_end.scenery import request
from tests.proxy import ROOT, Proxy, proxy
from tests.upstreams import Answer, FakeUpstream, Play

SAVED = ROOT / "tests" / "data" / "auth" / "v6"
LATER = "2199-01-01T00:00:00Z"
WITHIN = 20.0
"""Seconds for a running proxy to notice; usually one, but for what it writes every five."""

FOUR: dict[str, tuple[str, str, str]] = {
    "codex": ("codex-ana@example.com-plus.json", "/v1", "gpt-5.6-sol"),
    "claude": ("claude-ana@example.com.json", "", "claude-sonnet-4-5-20250929"),
    "gemini-cli": ("gemini-ana@example.com-my-proj-1.json", "", "gemini-2.5-pro"),
    "qwen": ("qwen-ana.json", "/v1", "qwen3-coder-plus"),
}
"""Provider → the file as CLIProxyAPI has left it, where the fake stands, a model."""
WINDOWS = {
    "x-codex-primary-used-percent": "42",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-at": "7226582400",
}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_script", ROOT / "scripts" / "lib" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def fakes() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        for provider, (name, _, _) in FOUR.items():
            body = json.loads((SAVED / name).read_bytes())
            token = body.get("access_token") or body["token"]["access_token"]
            upstream.always(token, Play(Answer("ready"), headers=WINDOWS if provider == "codex" else {}))
        yield upstream


def on_disk(folder: Path, url: str) -> None:
    """The files as they were, but for an end that is to come, and the fake's address."""
    folder.mkdir()
    for name, path, _ in FOUR.values():
        body = json.loads((SAVED / name).read_bytes())
        body |= {"base_url": url + path, "expired": LATER}
        if "token" in body:
            body["token"]["expiry"] = LATER
        (folder / name).write_text(json.dumps(body))


class Person:
    """Somebody at a shell, with a home folder; calls scripts beside a running proxy."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._home = home
        self._accounts = script("accounts")

    def says(self, *arguments: str) -> str:
        """scripts/accounts, which must end well; what it prints."""
        status, said = self.tries(*arguments)
        assert status == 0, said
        return said

    def tries(self, *arguments: str) -> tuple[int, str]:
        self._capsys.readouterr()
        status = self._accounts.main([*arguments, "--config", str(self._home / "config.yaml")])
        out, err = self._capsys.readouterr()
        return status, out + err

    def table(self) -> dict[str, dict[str, Any]]:
        """The lines by provider."""
        return {line["provider"]: line for line in json.loads(self.says("list", "--json"))["accounts"]}


def counted(folder: Path) -> None:
    """Until the proxy has written of all four."""
    deadline = time.monotonic() + WITHIN
    while len(day_in(folder, day_of(time.time())).totals()) < len(FOUR) and time.monotonic() < deadline:
        time.sleep(0.05)


def ask(running: Proxy, provider: str) -> int:
    model = FOUR[provider][2]
    asked = request("openai-chat", model, stream=False) | {"url": f"{running.url}/v1/chat/completions"}
    return httpx.request(**asked, timeout=30).status_code


def becomes(running: Proxy, provider: str, status: int) -> None:
    deadline = time.monotonic() + WITHIN
    while (found := ask(running, provider)) != status and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == status, running.log


def test_two_commands_and_four_accounts_are_behind_one_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    with fakes() as upstream:
        on_disk(tmp_path / "old", upstream.url)
        # the first command: into a directory that is made for it, and so encrypted
        taken = script("login").main(["--import-dir", str(tmp_path / "old"), "--auth-dir", str(home / "auth")])
        assert taken == 0
        assert not any(b"invented" in path.read_bytes() for path in (home / "auth").glob("*.json"))
        with proxy({}, home) as running:  # the second
            for provider in FOUR:
                assert ask(running, provider) == 200, running.log
            person = Person(home, capsys)
            counted(home / "auth")
            seen = person.table()
            assert {line["state"] for line in seen.values()} == {"ready"}
            assert seen.keys() == FOUR.keys()
            assert seen["codex"]["plan"] == "plus"
            assert seen["codex"]["windows"] == [{"name": "5 h", "used": 0.42, "reset": 7226582400.0}]
            assert {line["today"]["requests"] for line in seen.values()} == {1}
            assert all(line["today"]["output"] for line in seen.values())
            # what a person does is done in the other process
            person.says("disable", "qwen")
            becomes(running, "qwen", _status_of_nobody(running))
            person.says("enable", "qwen")
            becomes(running, "qwen", 200)
            person.says("cool", "claude", "2h")
            becomes(running, "claude", 429)
            assert person.table()["claude"]["state"] == "cooling"
            person.says("clear", "claude")
            becomes(running, "claude", 200)
            said = person.says("test")
            assert said.count("answers after") == 4, said
            assert "'ready'" in said
        upstream.check()
    kept = "".join(
        path.read_text(errors="replace") for path in (home / "auth" / ".cliproxy").rglob("*") if path.is_file()
    )
    assert "invented" not in kept
    assert "invented" not in running.log


def _status_of_nobody(running: Proxy) -> int:
    """What is answered for a model that nobody serves."""
    asked = request("openai-chat", "no-such-model", stream=False) | {"url": f"{running.url}/v1/chat/completions"}
    return httpx.request(**asked, timeout=30).status_code
