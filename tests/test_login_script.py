"""scripts/login as a person calls it: a page to open, an address to paste, a file in the end; and what goes wrong."""

import asyncio
import importlib.util
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.credentials.scene import PATHS, SHIPPED, Scene, scene
from tests.proxy import free_port

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "lib" / "login.py"


class Called:
    """The script in a process of its own, with a home folder of its own."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.home, self.arguments = home, arguments
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), **environment}
        self.said = ""

    async def __aenter__(self) -> "Called":
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SCRIPT),
            *self.arguments,
            cwd=self.home,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def line(self, start: str) -> str:
        """The next line of stderr that begins so."""
        assert self.process.stderr is not None
        while line := (await self.process.stderr.readline()).decode():
            self.said += line
            if line.strip().startswith(start):
                return line.strip()
        raise AssertionError(f"never said: {start}\n{self.said}")

    async def paste(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        await self.process.stdin.drain()

    async def end(self) -> tuple[int, str]:
        """Exit status, and stdout; the rest of stderr is added to `said`."""
        out, err = await self.process.communicate()
        self.said += err.decode()
        assert "Traceback" not in self.said
        return self.process.returncode or 0, out.decode()


def write_config(home: Path, stage: Scene) -> None:
    shipped = SHIPPED[stage.provider]
    urls = {name: f"{stage.server.url}{PATHS[name]}" for name in shipped.urls}
    own = {"client-id": stage.server.shape.client_id, "urls": urls}
    config = {"auth-dir": str(home / "auth"), "oauth": {stage.provider: own}}
    (home / "config.yaml").write_text(yaml.safe_dump(config))
    (home / "auth").mkdir()  # a folder that is there is not encrypted


async def test_the_address_is_pasted(tmp_path: Path) -> None:
    async with scene("claude") as stage:
        write_config(tmp_path, stage)
        stage.server.client.redirects.add(SHIPPED["claude"].redirect)
        port = free_port()  # the usual one may be taken, by another test or a person
        async with Called(
            tmp_path, "claude", "--no-browser", "--callback-port", str(port), "--label", "Mine"
        ) as called:
            page = await called.line(stage.server.url)
            assert "Anthropic admits plan log-ins" in called.said
            await called.paste(await stage.address_after(page))
            status, out = await called.end()
        path = tmp_path / "auth" / "claude-ana@example.com.json"
        assert (status, out) == (0, f"Mine: kept as a new account ({path})\n")
        body = json.loads(path.read_bytes())
        assert (body["email"], body["label"], body["access_token"] in stage.server.access) == (
            "ana@example.com",
            "Mine",
            True,
        )
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert body["access_token"] not in called.said + out


async def test_the_browser_comes_back_by_itself_through_a_tunnel(tmp_path: Path) -> None:
    async with scene("claude") as stage:
        write_config(tmp_path, stage)
        stage.server.client.redirects.add(SHIPPED["claude"].redirect)
        port = free_port()
        async with Called(tmp_path, "claude", "--no-browser", "--callback-port", str(port)) as called:
            page = await called.line(stage.server.url)
            assert await called.line(f"ssh -L 54545:127.0.0.1:{port}")
            address = httpx.URL(await stage.address_after(page)).copy_with(port=port)
            async with httpx.AsyncClient(verify=False, trust_env=False) as browser:
                assert (await browser.get(address)).status_code == 200
            assert (await called.end())[0] == 0
        assert os.listdir(tmp_path / "auth")


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    """The script's own main, at home in a folder of the test."""
    spec = importlib.util.spec_from_file_location("login_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found: Callable[[list[str]], int] = script.main
    return found


def test_a_log_in_is_imported_and_a_directory(main: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / ".qwen" / "oauth_creds.json"
    there.parent.mkdir()
    there.write_text(json.dumps({"access_token": "at", "refresh_token": "rt", "expiry_date": 1_780_000_000_000}))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "codex-b.json").write_text('{"type":"codex"}')
    auth = tmp_path / "auth"
    auth.mkdir()
    assert main(["qwen", "--import", "--auth-dir", str(auth), "--label", "ana"]) == 0
    assert "Qwen Code has to log in again" in capsys.readouterr().err
    assert main(["--import-dir", str(tmp_path / "old"), "--auth-dir", str(auth)]) == 0
    assert "1 account taken over" in capsys.readouterr().err
    assert {"qwen-ana.json", "codex-b.json"} <= set(os.listdir(auth))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mistral"], "there is one for claude, codex"),
        (["iflow", "--no-browser"], "CLIPROXY_IFLOW_CLIENT_SECRET"),
        (["gemini"], "oauth: gemini-cli: client-secret"),
        (["vertex"], "--import FILE"),
        (["qwen", "--import"], "There is no log-in to import at"),
        (["codex", "--import", "missing.json"], "missing.json cannot be read"),
        (["claude", "--config", "missing.yaml"], "there is no such file"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str], said: str, main: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "which provider? One of claude, codex"), (["qwen", "--device", "--cookie"], "exclude one another")],
)
def test_arguments_that_make_no_sense(
    arguments: list[str], said: str, main: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err
