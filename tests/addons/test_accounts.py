"""The auth directory beside the config: at the start, on reload, and while files change."""

import json
import logging
from pathlib import Path

import pytest
from mitmproxy import ctx
from mitmproxy.test import taddons

from addons import runtime
from addons.accounts import AuthDir
from addons.config import load as config_file
from addons.cooldowns import FILE, Cooldowns
from addons.greet import Greet
from addons.listen import Listen
from addons.models import Models
from addons.settings import Settings
from credentials.files import HIDDEN
from credentials.watch import FolderWatcher
from tests.addons.scene import LAB, Scene
from tests.credentials.memory_store import MemoryStore
from translators.model import Failure

CLAUDE = {"type": "claude", "access_token": "at-secret-0123456789", "refresh_token": "rt", "email": "ana@example.com"}


@pytest.fixture(autouse=True)
def _an_empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")


class House:
    """Settings over a store in memory, with a clock for its watcher."""

    def __init__(self, store: MemoryStore, config: str = "") -> None:
        loaded = config_file.parse(config.encode(), "config.yaml")
        assert loaded.config is not None, loaded.problems
        self.store, self.settings, self.changes = store, Settings(), 0
        self.settings.auth_dir = AuthDir(Path("/auth"), store, self._changed)
        accounts = self.settings.auth_dir.accounts
        self.settings.runtime = runtime.make(loaded.config, None, None, {}, accounts)
        self._watcher = FolderWatcher(store, self.settings.auth_dir.take, dict(accounts.revisions))
        self._now = 0.0

    def _changed(self) -> None:
        self.changes += 1
        self.settings.runtime = runtime.with_accounts(self.settings.runtime, self._now)

    def look(self, seconds: float = 1.0) -> None:
        """Time passes, and the watcher looks twice: a change counts when it has come to rest."""
        for _ in range(2):
            self._now += seconds
            batch = self._watcher.look(self._now)
            if batch.written or batch.gone:
                self.settings.auth_dir.take(batch)  # type: ignore[union-attr]

    @property
    def labels(self) -> list[str]:
        return [each.label for each in self.settings.runtime.credentials]

    def leased(self, model: str = "claude-sonnet-4-5") -> str:
        pool = self.settings.runtime.pool
        found = pool.lease(pool.resolve(model), set(), self._now)
        return getattr(found, "label", "nobody")


def test_accounts_stand_beside_the_keys() -> None:
    house = House(MemoryStore({"c.json": CLAUDE}), LAB)
    assert house.labels == ["lab:1", "ana@example.com"]
    assert not house.settings.runtime.demo
    assert house.leased() == "ana@example.com"
    assert house.leased("x") == "lab:1"


def test_what_is_not_served_rests_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore({f"{name}.json": CLAUDE | {"type": "somebody"} for name in "ab"})
    house = House(store)
    assert house.labels == []
    assert [each.id for each in house.settings.runtime.unserved] == ["a.json", "b.json"]
    assert "file:a.json (and 1 more): the provider somebody is not served yet" in caplog.text
    caplog.clear()
    store.put("c.json", CLAUDE)
    house.look()
    assert house.labels == ["ana@example.com"]
    assert "not served yet" not in caplog.text


def test_a_new_a_changed_and_a_deleted_file(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store = MemoryStore({"a.json": CLAUDE})
    house = House(store)
    pool = house.settings.runtime.pool
    pool.cool("a.json", 3600, 0.0)
    assert house.leased() == "nobody"
    store.put("b.json", CLAUDE | {"email": "bo@example.com"})
    house.look()
    assert house.leased() == "bo@example.com"
    assert house.settings.runtime.pool is pool
    assert {row.id: row.state for row in pool.states(house._now)} == {"a.json": "cooling", "b.json": "ready"}
    store.put("b.json", CLAUDE | {"email": "bo@example.com", "disabled": True})
    house.look()
    assert house.leased() == "nobody"
    store.files["renamed.json"] = store.files.pop("a.json")
    house.look()
    assert house.leased() == "ana@example.com"  # another id: what rested was the other one
    assert {row.id for row in pool.states(house._now)} == {"b.json", "renamed.json"}
    assert "accounts taken up: renamed.json, a.json (gone)" in caplog.text
    assert "at-secret" not in caplog.text


def test_a_new_token_changes_the_token_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore({f"{name}.json": CLAUDE | {"email": name} for name in "abc"})
    house = House(store)
    pool = house.settings.runtime.pool
    assert house.leased() == "a"
    monkeypatch.setattr(pool, "replace", lambda *_, **__: pytest.fail("all tables were made anew"))
    store.put("b.json", CLAUDE | {"email": "b", "access_token": "at-newer-0123456789"})
    house.look()
    lease = pool.lease(pool.resolve("claude-sonnet-4-5"), set(), house._now)
    assert (lease.label, lease.credential.secret.reveal()) == ("b", "at-newer-0123456789")  # type: ignore[union-attr]
    assert house.settings.runtime.credentials[1].secret.reveal() == "at-newer-0123456789"


def test_what_we_write_ourselves_is_in_use_at_once() -> None:
    store = MemoryStore({"a.json": CLAUDE})
    house = House(store)
    old = store.read("a.json")
    assert old is not None
    content = json.dumps(CLAUDE | {"access_token": "at-newer-0123456789"}).encode()
    house.settings.auth_dir.wrote(store.write("a.json", content, old.revision))  # type: ignore[union-attr]
    assert house.settings.runtime.credentials[0].secret.reveal() == "at-newer-0123456789"
    assert house.changes == 1
    house.look()
    assert house.changes == 1


def test_half_a_file_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore({"a.json": CLAUDE})
    house = House(store)
    store.files["a.json"] = b'"type": "cla'
    house.look()
    assert (house.labels, house.changes) == (["ana@example.com"], 0)
    store.put("a.json", {"type": ""})
    house.look()
    assert house.labels == ["ana@example.com"]
    assert "what it was before stays in use" in caplog.text


def test_the_greeting_counts_accounts() -> None:
    store = MemoryStore(
        {"a.json": CLAUDE, "b.json": CLAUDE | {"disabled": True}, "c.json": b"[", "d.json": CLAUDE | {"type": "else"}}
    )
    house = House(store, LAB)
    with taddons.context(loadcore=False) as context:
        context.options.update(listen_host="127.0.0.1", listen_port=8317)
        scene = Scene()
        models = Models(house.settings, scene.exchanges)
        said = Greet(house.settings, models, Listen(house.settings)).text()
        assert ctx.options.listen_port == 8317
    assert "claude (1 disabled, 1 not served yet, 1 unusable), from /auth" in said
    assert "keys       lab\n" in said


# --- with a folder on the disk --------------------------------------------------------------------------------------


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    path.write_text(text)
    path.chmod(0o600)
    return path


async def test_the_configs_directory_is_read_and_another_one_on_reload(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a.json", json.dumps(CLAUDE))
    write(tmp_path / "two" / "b.json", json.dumps(CLAUDE | {"email": "bo@example.com"}))
    settings = Settings()
    with taddons.context(settings, loadcore=False) as tctx:
        tctx.options.update(listen_host="")
        path = write(tmp_path / "config.yaml", f"auth-dir: {tmp_path / 'one'}")
        tctx.configure(settings, cliproxy_config=str(path))
        assert [each.label for each in settings.runtime.credentials] == ["ana@example.com"]
        settings.reload(f"auth-dir: {tmp_path / 'two'}".encode())
        assert [each.label for each in settings.runtime.credentials] == ["bo@example.com"]
        settings.reload(f"auth-dir: {tmp_path / 'none'}".encode())
        assert settings.runtime.credentials == ()
        assert not (tmp_path / "none").exists()
        settings.done()


async def test_rests_survive_a_restart(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / "auth" / f"{name}.json", json.dumps(CLAUDE | {"email": name}))
    path = write(tmp_path / "config.yaml", f"auth-dir: {tmp_path / 'auth'}")
    kept = tmp_path / "auth" / HIDDEN / FILE

    def start() -> tuple[Settings, Cooldowns]:
        settings = Settings()
        cooldowns = Cooldowns(settings)
        settings.configure({"cliproxy_config"})
        cooldowns.configure(set())
        cooldowns.running()
        return settings, cooldowns

    with taddons.context(Settings(), loadcore=False) as tctx:
        tctx.options.update(listen_host="", cliproxy_config=str(path))
        settings, cooldowns = start()
        pool = settings.runtime.pool
        for failure in (Failure(kind="rate_limit", message="slow", status=429, retry_after=900.0), REFUSED):
            lease = pool.lease(pool.resolve("claude-sonnet-4-5"), set(), NOW)
            pool.report(lease, failure, NOW)  # type: ignore[arg-type]
        cooldowns.done()
        settings.done()
        assert kept.stat().st_mode & 0o777 == 0o600
        assert not any(secret in kept.read_text() for secret in ("at-secret", 'rt"'))
        settings, cooldowns = start()
        states = {(row.label, row.model): row.state for row in settings.runtime.pool.states(NOW)}
        assert states == {("a", ""): "ready", ("a", lease.model): "cooling", ("b", ""): "ready", ("c", ""): "ready"}  # type: ignore[union-attr]
        cooldowns.done()
        settings.done()
        kept.write_text("[damaged")
        settings, cooldowns = start()
        assert {row.state for row in settings.runtime.pool.states(NOW)} == {"ready"}
        cooldowns.done()
        settings.done()


NOW = 4102444800.0
"""A time that will not be over while the test runs."""
REFUSED = Failure(kind="billing", message="no money", status=402)


async def test_rests_are_not_kept_where_nobody_wants_it(tmp_path: Path) -> None:
    text = f"claude-api-key: [{{api-key: sk-one}}]\nauth-dir: {tmp_path / 'auth'}\n"
    settings = Settings()
    cooldowns = Cooldowns(settings)
    with taddons.context(settings, loadcore=False) as tctx:
        tctx.options.update(listen_host="")
        tctx.configure(settings, cliproxy_config=str(write(tmp_path / "config.yaml", text)))
        cooldowns.configure(set())
        cooldowns.running()
        settings.runtime.pool.cool("claude:1", 900, NOW)
        cooldowns.done()
        assert not (tmp_path / "auth").exists()  # no directory is made for it
        (tmp_path / "auth").mkdir()
        settings.reload(f"{text}save-cooldown-status: false".encode())
        cooldowns.running()
        cooldowns.done()
        assert list((tmp_path / "auth").iterdir()) == []
        settings.reload(text.encode())
        cooldowns.running()
        cooldowns.done()
        assert (tmp_path / "auth" / HIDDEN / FILE).exists()
        settings.done()
