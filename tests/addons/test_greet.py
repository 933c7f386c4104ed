"""The greeting: what a person sees at the start, without a secret in it."""

from pathlib import Path

import pytest
from mitmproxy import ctx

from addons.greet import Greet
from addons.listen import Listen
from tests.addons.scene import LAB, TWO_KEYS, scene


@pytest.fixture(autouse=True)
def _an_empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)


def text(config: str, host: str = "127.0.0.1") -> str:
    with scene(config) as here:
        ctx.options.update(listen_host=host)
        return Greet(here.settings, here.models, Listen(here.settings)).text()


def test_keys_and_models_are_counted_and_named() -> None:
    said = text(TWO_KEYS + LAB)
    assert "http://127.0.0.1:8317" in said
    assert "claude ×2" in said
    assert "lab" in said
    assert "x" in said
    assert "sk-secret" not in said
    assert "lab-secret" not in said


def test_a_newcomer_gets_the_demo_and_a_line_to_try() -> None:
    said = text("")
    assert "demo-text" in said
    assert "curl -N http://127.0.0.1:8317/v1/chat/completions" in said
    assert "no credential is configured" in said
    assert "authorization" not in said


def test_a_line_to_try_has_a_place_for_the_key_never_the_key() -> None:
    said = text("api-keys: [my-own-client-key]")
    assert "authorization: Bearer" in said
    assert "my-own-client-key" not in said


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]")])
def test_an_address_that_can_be_opened(host: str, shown: str) -> None:
    assert f"http://{shown}:8317" in text("", host)


def test_nothing_to_serve_is_told() -> None:
    assert "none: add a key to the config" in text("demo: false")
