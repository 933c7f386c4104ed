"""What a start without config finds, and how little it looks at."""

import asyncio

import pytest

from addons.config.discover import DOORS, Door, config_lines, connect, discover, probe
from addons.config.load import parse


def put(path, content="{}"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_variables_are_told_by_name_only(tmp_path):
    found = discover({"OPENAI_API_KEY": "sk-secret", "GEMINI_API_KEY": " ", "PATH": "/"}, tmp_path, tmp_path)
    assert found.variables == ("OPENAI_API_KEY",)
    assert "sk-secret" not in repr(found)


def test_credential_files_are_counted_by_type(tmp_path):
    put(tmp_path / "a.json", '{"type": "claude"}')
    put(tmp_path / "b.JSON", '{"type": " Claude "}')
    put(tmp_path / "c.json", '{"type": "codex"}')
    put(tmp_path / "d.json", "[]")
    put(tmp_path / "e.json", "{")
    put(tmp_path / "f.json", '{"type": 3}')
    put(tmp_path / "g.txt", '{"type": "codex"}')
    put(tmp_path / "sub" / "h.json", '{"type": "codex"}')
    assert discover({}, tmp_path, tmp_path).auth_files == {"claude": 2, "codex": 1, "unreadable": 3}
    assert discover({}, tmp_path, tmp_path / "none").auth_files == {}


def test_log_ins_are_seen_but_not_read(tmp_path):
    put(tmp_path / ".claude" / ".credentials.json")
    put(tmp_path / ".qwen" / "oauth_creds.json")
    put(tmp_path / "elsewhere" / "auth.json")
    for path in tmp_path.rglob("*.json"):
        path.chmod(0)
    found = discover({"CODEX_HOME": str(tmp_path / "elsewhere")}, tmp_path, tmp_path / "none")
    assert [(one.tool, one.provider) for one in found.log_ins] == [
        ("Claude Code", "claude"),
        ("Codex", "codex"),
        ("Qwen Code", "qwen"),
    ]


async def test_only_doors_that_open_in_time_are_found():
    async def connector(host: str, port: int) -> None:
        assert host == "127.0.0.1"
        if port == 1:
            raise ConnectionRefusedError
        if port == 2:
            await asyncio.Event().wait()

    doors = (Door("shut", 1), Door("slow", 2), Door("open", 3))
    assert await probe(connector, doors, patience=0.01) == (Door("open", 3),)


async def test_a_real_door_is_found():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await probe(connect, (Door("here", port),), patience=10) == (Door("here", port),)


@pytest.mark.parametrize("door", DOORS)
def test_the_lines_to_add_are_a_config_without_problems(door):
    loaded = parse(config_lines(door), "c")
    assert loaded.problems == ()
    assert loaded.config is not None
    assert loaded.config.openai_compatibility[0].base_url == f"http://127.0.0.1:{door.port}/v1"
