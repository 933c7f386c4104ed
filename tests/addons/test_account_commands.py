"""What a person types into mitmproxy about accounts; and what another process orders."""

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from mitmproxy.exceptions import CommandError
from mitmproxy.test import taddons

from addons.commands.accounts import AccountCommands
from addons.cooldowns import FILE, Cooldowns, read_kept
from addons.exchanges import Exchanges
from addons.overview import lines_on_disk, settings_on_disk
from addons.projects import projects_of
from addons.refresh import Refresh
from addons.settings import Settings
from addons.usage import Usage
from credentials import orders
from credentials.files import HIDDEN
from tests.credentials.scene import PATHS, SHIPPED, scene
from tests.upstreams import Answer, FakeUpstream

TOKEN = "at-secret-0123456789"
CLAUDE = {"type": "claude", "access_token": TOKEN, "expired": "2199-01-01T00:00:00Z"}


class House:
    """A proxy's settings over a folder with Ana and Bo in it, and the commands."""

    def __init__(self, home: Path, context: taddons.context, url: str = "") -> None:
        self.folder, self.context = home / "auth", context
        self.folder.mkdir()
        for name in ("ana", "bo"):
            more = {"base_url": url} if url else {}
            (self.folder / f"{name}.json").write_text(json.dumps(CLAUDE | {"email": f"{name}@example.com"} | more))
        path = home / "config.yaml"
        path.write_text(f"auth-dir: {self.folder}\nclaude-api-key: [{{api-key: sk-key-0123456789}}]\n")
        path.chmod(0o600)
        context.options.add_option("cliproxy_config", str, "", "")
        context.options.update(listen_host="", cliproxy_config=str(path))
        self.settings = Settings()
        self.settings.configure({"cliproxy_config"})
        self.refresh = Refresh(self.settings)
        usage = Usage(Exchanges(), self.settings)
        self.commands = AccountCommands(self.settings, usage, self.refresh, projects_of(self.settings))
        context.master.addons.add(self.commands)

    def types(self, text: str) -> str:
        """A command line, as the console has it; what is shown."""
        return "\n".join(self.context.master.commands.execute(f"cliproxy.{text}"))

    def state(self, identifier: str) -> str:
        rows = self.settings.runtime.pool.states(time.time())
        return next(row.state for row in rows if row.id == identifier and not row.model)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.01)


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    with FakeUpstream() as server:
        server.always(TOKEN, Answer("ready"))
        yield server


@pytest.fixture
async def house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[House]:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    for name in ("CLIPROXY_KEY", "CLIPROXY_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    caplog.set_level(logging.INFO)
    with taddons.context() as context:
        made = House(tmp_path, context, upstream.url)
        yield made
        made.commands.done()
        made.settings.done()
        await made.refresh.done()


async def test_the_table(house: House) -> None:
    shown = house.types("accounts").splitlines()
    assert [line.split()[:3] for line in shown[1:]] == [
        ["ana@example.com", "claude", "ready"],
        ["bo@example.com", "claude", "ready"],
        ["claude:1", "claude", "ready"],
    ]


async def test_cool_and_clear(house: House) -> None:
    assert house.types("cool ana 2h") == "claude:ana@example.com: rests for 2 h"
    assert house.state("ana.json") == "cooling"
    assert house.types("cool bo 60 no-such-model") == "claude:bo@example.com: has no such model"
    house.types("clear ana")
    assert house.state("ana.json") == "ready"
    for text, why in (
        ("cool ana soon", "no span of time"),
        ("cool nobody", "no account is called"),
        ("cool example", "may be any"),
    ):
        with pytest.raises(CommandError, match=why):
            house.types(text)


async def test_files_are_switched_off_and_put_away(house: House) -> None:
    house.settings.running()
    assert house.types("disable bo") == "claude:bo@example.com: disabled"
    await house.until(lambda: house.state("bo.json") == "disabled")
    assert house.types("disable bo").endswith("is disabled already")
    house.types("enable bo")
    await house.until(lambda: house.state("bo.json") == "ready")
    assert "bo.json.removed" in house.types("remove bo")
    await house.until(lambda: len(house.settings.runtime.credentials) == 2)
    with pytest.raises(CommandError, match="is a key of the config"):
        house.types("disable claude:1")


async def test_a_real_request(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.types("cool ana 1h")
    house.types("test ana")
    await house.until(lambda: "answers after" in caplog.text)
    await house.until(lambda: house.state("ana.json") == "ready")  # who answers need not rest
    assert TOKEN not in caplog.text


async def test_a_directory_is_encrypted_while_it_is_used(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.settings.running()
    house.types("encrypt")
    await house.until(lambda: "2 files encrypted" in caplog.text)
    assert TOKEN not in (house.folder / "ana.json").read_text()
    assert "which was made now" in caplog.text
    house.types("disable ana")
    await house.until(lambda: house.state("ana.json") == "disabled")


async def test_a_log_in_does_not_hold_anybody_up(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CommandError, match="no log-in is under way"):
        house.types("login.paste x")
    house.types("login nowhere")
    await house.until(lambda: "There is no log-in for 'nowhere'" in caplog.text)
    house.types("login claude")
    await house.until(lambda: "https://claude.ai/oauth/authorize" in caplog.text)
    found = re.search(r"[?&]state=(\w+)", caplog.text)
    assert found is not None
    house.types('login.paste "https://somewhere.test/?error=access_denied&state=another"')
    await house.until(lambda: "belongs to another log-in" in caplog.text)
    house.types(f'login.paste "https://somewhere.test/?error=access_denied&state={found[1]}"')
    await house.until(lambda: "log-in to claude:" in caplog.text)


async def test_a_log_in_from_its_address_to_its_use(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene("claude") as stage:
        urls = {name: f"{stage.server.url}{PATHS[name]}" for name in SHIPPED["claude"].urls}
        own = {"oauth": {"claude": {"client-id": stage.server.shape.client_id, "urls": urls}}}
        house.settings.reload(json.dumps({"auth-dir": str(house.folder)} | own).encode())
        house.settings.running()
        stage.server.client.redirects.add(SHIPPED["claude"].redirect)
        house.types("login claude")
        await house.until(lambda: f"{stage.server.url}/authorize" in caplog.text)
        page = next(line for line in caplog.text.splitlines() if line.startswith(stage.server.url))
        house.types(f'login.paste "{await stage.address_after(page)}"')
        await house.until(lambda: "ana@example.com: logged in anew" in caplog.text)
        kept = json.loads((house.folder / "ana.json").read_bytes())  # it was there already
        assert kept["access_token"] in stage.server.access
        assert kept["access_token"] not in caplog.text
        runtime = house.settings.runtime
        await house.until(lambda: runtime.pool.credential("ana.json").secret.reveal() == kept["access_token"])  # type: ignore[union-attr]


# --- orders from outside --------------------------------------------------------------------------------------------


async def test_orders_of_another_process_are_followed_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    here, now = Cooldowns(house.settings), time.time()
    here.configure(set())
    orders.give(house.folder, [orders.cool("ana.json", now + 600, now), orders.cool("bo.json", now + 600, now)], now)
    assert here.obey(now + 1)
    assert house.state("ana.json") == house.state("bo.json") == "cooling"
    assert not here.obey(now + 2)
    house.types("clear bo")
    orders.give(house.folder, [orders.clear("ana.json", now + 3)], now + 3)
    assert here.obey(now + 4)
    assert house.state("ana.json") == house.state("bo.json") == "ready"
    assert "ordered from outside: clear ana.json" in caplog.text


async def test_orders_before_the_start_are_followed_and_old_ones_are_not(house: House) -> None:
    now = time.time()
    first = Cooldowns(house.settings)
    first.configure(set())
    orders.give(house.folder, [orders.clear("ana.json", now)], now)
    first.obey(now + 1)
    house.types("cool ana 1h")  # after the order, and kept
    first.running()
    first.done()
    assert read_kept(house.folder).at == now + 1
    orders.give(house.folder, [orders.cool("bo.json", now + 600, now + 2)], now + 2)
    again = settings_on_disk(house.settings.runtime.config, None, house.folder, {}, now + 3)
    lines = {line.id: line.state for line in lines_on_disk(again, now + 3) if line.file}
    assert lines == {"ana.json": "cooling", "bo.json": "cooling"}
    house.types("clear ana")
    second = Cooldowns(house.settings)
    second.configure(set())
    assert (house.state("ana.json"), house.state("bo.json")) == ("cooling", "cooling")


async def test_refusals_are_written_for_others_and_end_with_a_start(house: House) -> None:
    pool, now = house.settings.runtime.pool, time.time()
    cooldowns = Cooldowns(house.settings)
    cooldowns.configure(set())
    cooldowns.running()
    pool.cool("ana.json", 600, now, reason="invalid_grant")
    cooldowns.done()
    assert (house.folder / HIDDEN / FILE).exists()
    there = settings_on_disk(house.settings.runtime.config, None, house.folder, {}, now)
    assert {line.id: line.state for line in lines_on_disk(there, now)}["ana.json"] == "invalid"
    pool.clear(now)
    another = Cooldowns(house.settings)
    another.configure(set())
    another.running()
    assert house.state("ana.json") == "ready"
    another.done()
    assert read_kept(house.folder).refused == []
