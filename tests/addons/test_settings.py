"""The config file, at the start and while we run."""

import logging
from pathlib import Path

import pytest
from mitmproxy import exceptions
from mitmproxy.test import taddons

from addons.settings import Settings
from tests.addons.scene import LAB, TWO_KEYS


@pytest.fixture(autouse=True)
def _an_empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)


def write(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


async def test_a_config_is_read_at_the_start_and_when_another_is_named(tmp_path: Path) -> None:
    settings = Settings()
    with taddons.context(settings, loadcore=False) as tctx:
        tctx.options.update(listen_host="")
        tctx.configure(settings, cliproxy_config=write(tmp_path / "one.yaml", LAB))
        first = settings.runtime
        assert [found.label for found in first.credentials]
        tctx.configure(settings, listen_port=1234)
        assert settings.runtime is first
        tctx.configure(settings, cliproxy_config=write(tmp_path / "two.yaml", TWO_KEYS))
        assert settings.runtime is not first
        assert len(settings.runtime.credentials) == 2
        settings.done()


BAD = [("port: many", "cannot be used"), ("host: 0.0.0.0", "cannot be used")]


@pytest.mark.parametrize(("text", "said"), BAD)
async def test_a_bad_config_stops_the_start(
    tmp_path: Path, text: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By a logged error: mitmproxy ends when one was logged before it runs."""
    settings = Settings()
    with taddons.context(settings, loadcore=False) as tctx:
        tctx.configure(settings, cliproxy_config=write(tmp_path / "bad.yaml", text))
        assert settings.broken
        assert said in caplog.text
        assert settings.runtime is not None  # the other addons ask for it before mitmproxy has ended
        assert settings.runtime.credentials == ()
        settings.done()


@pytest.mark.parametrize(("text", "said"), BAD)
async def test_a_bad_config_named_later_is_refused(tmp_path: Path, text: str, said: str) -> None:
    settings = Settings()
    with taddons.context(settings, loadcore=False) as tctx:
        tctx.configure(settings, cliproxy_config=write(tmp_path / "good.yaml", LAB))
        first = settings.runtime
        with pytest.raises(exceptions.OptionsError, match=said):
            tctx.configure(settings, cliproxy_config=write(tmp_path / "bad.yaml", text))
        assert settings.runtime.credentials == first.credentials
        assert settings.runtime.pool is first.pool
        assert not settings.broken
        settings.done()


async def test_a_changed_file_is_taken_up_whole_or_not_at_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    settings = Settings()
    with taddons.context(settings, loadcore=False) as tctx:
        tctx.configure(settings, cliproxy_config=write(tmp_path / "one.yaml", LAB))
        first, pool = settings.runtime, settings.runtime.pool
        settings.reload(b"port: many")
        assert settings.runtime is first
        assert "stays as it was" in caplog.text
        settings.reload(TWO_KEYS.encode())
        assert settings.runtime is not first
        assert settings.runtime.pool is pool  # cooldowns go on
        assert len(settings.runtime.credentials) == 2
        settings.reload(TWO_KEYS.encode() + b"\nport: 9999\n")
        assert "port: after a restart" in caplog.text
        assert "sk-secret" not in caplog.text
        settings.done()


async def test_keys_are_not_taken_away_from_a_listener_for_others(tmp_path: Path) -> None:
    settings = Settings()
    with taddons.context(settings, loadcore=False) as tctx:
        open_to_others = "host: 0.0.0.0\napi-keys: [a-key-that-is-my-own]\n"
        tctx.configure(settings, cliproxy_config=write(tmp_path / "one.yaml", open_to_others))
        first = settings.runtime
        settings.reload(b"host: 0.0.0.0\n")
        assert settings.runtime is first
        settings.done()
