"""scripts/accounts as a person calls it, on the files of a folder; what it refuses, and in which words."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credentials.files import HIDDEN

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "lib" / "accounts.py"
TOKEN = "at-secret-0123456789"
CLAUDE = {"type": "claude", "access_token": TOKEN, "expired": "2199-01-01T00:00:00Z"}

type Call = Callable[..., tuple[int, str]]


@pytest.fixture
def auth(tmp_path: Path) -> Path:
    folder = tmp_path / "auth"
    folder.mkdir()
    for name, type_ in (("ana", "claude"), ("bo", "claude"), ("ana-q", "qwen")):
        body = CLAUDE | {"type": type_, "email": f"{name.removesuffix('-q')}@example.com"}
        (folder / f"{name}.json").write_text(json.dumps(body))
    (folder / "half.json").write_text('{"type": "claude", "acc')
    (tmp_path / "config.yaml").write_text(f"auth-dir: {folder}\nclaude-api-key: [{{api-key: sk-key-0123456789}}]\n")
    return folder


@pytest.fixture
def call(auth: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The script's own main, at home in a folder of the test; gives status and everything that was said."""
    spec = importlib.util.spec_from_file_location("accounts_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setenv("HOME", str(auth.parent))
    for name in ("CLIPROXY_KEY", "CLIPROXY_KEY_FILE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(auth.parent)

    def run(*arguments: str) -> tuple[int, str]:
        status = script.main(list(arguments))
        said = "".join(capsys.readouterr())
        assert TOKEN not in said
        assert "sk-key" not in said
        return status, said

    return run


def test_the_table_lists_everybody(call: Call) -> None:
    status, said = call()
    assert status == 0
    lines = [line.split()[:3] for line in said.splitlines()[1:6]]
    assert lines == [
        ["half", "?", "invalid"],
        ["ana@example.com", "claude", "ready"],
        ["bo@example.com", "claude", "ready"],
        ["claude:1", "claude", "ready"],
        ["ana@example.com", "qwen", "ready"],
    ]
    assert "half" in said.splitlines()[-1]
    assert json.loads(call("--json")[1])["accounts"][1]["id"] == "ana.json"


def test_options_may_stand_before_the_verb(call: Call, auth: Path) -> None:
    assert call("--auth-dir", str(auth), "disable", "bo") == (0, "claude:bo@example.com: disabled\n")
    assert "bo@example.com" not in call("--auth-dir", str(auth.parent / "none"))[1]


def test_a_narrow_terminal(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert all(len(line) <= 40 for line in call()[1].splitlines()[:6])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("disable", "ana@example.com"), "may be any of these"),
        (("disable", "nobody"), "no account is called 'nobody'; there are:"),
        (("disable", "claude:1"), "is a key of the config"),
        (("cool", "bo", "later"), "is no span of time"),
        (("remove", "bo"), "say --yes"),
        (("enable", "half"), "half.json is not there any more"),
    ],
)
def test_what_is_refused(call: Call, auth: Path, arguments: tuple[str, ...], why: str) -> None:
    before = {path.name: path.read_bytes() for path in auth.iterdir() if path.is_file()}
    status, said = call(*arguments)
    assert (status, why in said) == (1, True), said
    assert {path.name: path.read_bytes() for path in auth.iterdir() if path.is_file()} == before


def test_a_person_is_asked_before_a_file_is_put_away(call: Call, auth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter(["n", "y"])
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    assert call("remove", "bo") == (1, "nothing was changed\n")
    assert (auth / "bo.json").exists()
    status, said = call("remove", "bo")
    assert (status, "bo.json.removed" in said) == (0, True)
    assert call("remove", "half", "--yes")[0] == 0
    assert json.loads(call("--json")[1])["accounts"][0]["id"] == "ana.json"


def test_rests_without_a_proxy_wait_for_one(call: Call, auth: Path) -> None:
    assert call("cool", "bo", "2h")[1] == "claude:bo@example.com: rests for 2 h\n"
    assert "cooling 2 h (by hand)" in call()[1]
    call("clear", "bo")
    assert "cooling" not in call()[1]
    assert "by hand" not in (auth / HIDDEN / "orders.json").read_text()


def test_a_folder_is_encrypted_gets_a_new_key_and_is_plain_again(call: Call, auth: Path, tmp_path: Path) -> None:
    before = (auth / "ana.json").read_bytes()
    assert "is not encrypted" in call("rotate-key")[1]
    status, said = call("encrypt")
    assert (status, "3 files encrypted" in said, "which was made now" in said) == (0, True, True)
    key = tmp_path / ".config" / "cliproxy" / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert TOKEN.encode() not in (auth / "ana.json").read_bytes()
    assert "ready" in call()[1]
    assert "nothing had to be encrypted" in call("encrypt")[1]
    kid = said.partition("with key ")[2].split()[0]
    status, said = call("rotate-key")
    assert (status, kid not in said) == (0, True)
    assert len(key.read_text().split()) == 2
    assert "3 files decrypted" in call("decrypt")[1]
    assert (auth / "ana.json").read_bytes() == before


def test_a_wrong_key_is_one_error_and_overwrites_nothing(
    call: Call, auth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("encrypt")
    before = {path.name: path.read_bytes() for path in auth.glob("*.json")}
    (tmp_path / ".config" / "cliproxy" / "key").rename(tmp_path / "key")
    for arguments in ((), ("encrypt",), ("decrypt",), ("rotate-key",), ("disable", "bo"), ("remove", "bo", "--yes")):
        status, said = call(*arguments)
        assert status == 1, arguments
        assert said.count("\n") == 1, said
        assert "give the right key" in said, said
    assert not (tmp_path / ".config" / "cliproxy" / "key").exists()  # none is made where one is missing
    monkeypatch.setenv("CLIPROXY_KEY", "A" * 43)
    assert "give the right key" in call("decrypt")[1]
    assert {path.name: path.read_bytes() for path in auth.glob("*.json")} == before
    monkeypatch.delenv("CLIPROXY_KEY")
    monkeypatch.setenv("CLIPROXY_KEY_FILE", str(tmp_path / "key"))
    assert call("decrypt")[0] == 0
