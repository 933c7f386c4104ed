"""Where keys come from, and that they go nowhere else."""

import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import pytest

from credentials.cipher_keys import GivenKeys, Key, KeyFile, OsKeyring, key_source, read_keys
from credentials.store import Unavailable

ONE, TWO = Key.new(), Key.new()
ROOT = Path(__file__).parents[2]


def test_a_key_shows_its_id_and_nothing_of_itself():
    assert repr(ONE) == f"Key({ONE.id})" == str(ONE)
    assert ONE.text()[:8] not in repr(ONE)
    assert len({ONE, TWO, *read_keys(ONE.text(), "x")}) == 2
    with pytest.raises(TypeError):
        pickle.dumps(ONE)


def test_an_id_is_always_the_same():
    assert Key(bytes(32)).id == "026f12031430ad3f"
    assert Key(bytes(32)).derived(b"id") != Key(bytes(32)).derived(b"content")


@pytest.mark.parametrize("form", ["{0} {1}", "{0}\n{1}\n", " {0},{1}, {0}", "{0}= {1}="])
def test_several_keys_stand_in_one_text(form):
    assert read_keys(form.format(ONE.text(), TWO.text()), "x") == [ONE, TWO]


def test_a_key_of_openssl_is_a_key():
    standard = "+/" * 21 + "8="
    assert read_keys(standard, "x") == read_keys(standard.replace("+", "-").replace("/", "_"), "x")


@pytest.mark.parametrize(
    "text", ["secret", "hunter2-hunter2-hunter2-hunter2-hunter2-hun!", "A" * 42, "ü" * 43, "a" * 64]
)
def test_what_is_no_key_is_told_without_repeating_it(text):
    with pytest.raises(Unavailable, match="entry 2 of CLIPROXY_KEY is no key") as caught:
        GivenKeys(f"{ONE.text()} {text}").load()
    assert text not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({}, "/home/ana/.config/cliproxy/key"),
        ({"CLIPROXY_KEY": " "}, "/home/ana/.config/cliproxy/key"),
        ({"CLIPROXY_KEY_FILE": "/run/secrets/key"}, "/run/secrets/key"),
        ({"CLIPROXY_KEY_FILE": "~/key"}, "/home/ana/key"),
        ({"CLIPROXY_KEY": ONE.text(), "CLIPROXY_KEY_FILE": "/run/secrets/key"}, "CLIPROXY_KEY"),
        ({"CLIPROXY_KEY": "Keyring"}, "the keyring"),
    ],
)
def test_the_environment_says_where_keys_are(env, place):
    assert key_source(env, Path("/home/ana")).place == place


# --- a file ---------------------------------------------------------------------------------------------------------


def test_a_key_file_is_ours_alone(tmp_path):
    source = KeyFile(tmp_path / "cliproxy" / "key")
    assert source.load() == []
    source.add(ONE)
    source.add(TWO)
    assert source.load() == [TWO, ONE]
    assert source.path.stat().st_mode & 0o777 == 0o600
    assert source.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_key_file_that_others_may_read_is_refused(tmp_path, mode):
    source = KeyFile(tmp_path / "key")
    source.add(ONE)
    source.path.chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        source.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_mounted_secret_of_somebody_else_is_accepted(tmp_path):
    source = KeyFile(tmp_path / "key")
    source.add(ONE)
    source.path.chmod(0o444)
    os.chown(source.path, 12345, 12345)
    assert source.load() == [ONE]


def test_a_key_file_with_something_else_is_told(tmp_path):
    source = KeyFile(tmp_path / "key")
    source.path.write_bytes(b"\xff\xfe secret")
    source.path.chmod(0o600)
    with pytest.raises(Unavailable, match="is no key") as caught:
        source.load()
    assert "secret" not in str(caught.value)


def test_two_processes_that_add_a_key_keep_both(tmp_path):
    path = tmp_path / "key"
    code = "import sys; from pathlib import Path; from credentials.cipher_keys import *\n"
    code += "for _ in range(10): KeyFile(Path(sys.argv[1])).add(Key.new())"
    adders = [subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT) for _ in range(2)]
    assert [adder.wait() for adder in adders] == [0, 0]
    assert len(KeyFile(path).load()) == 20


# --- the keyring ----------------------------------------------------------------------------------------------------


class KeyringError(Exception):
    """As the package has it."""


class Ring(types.ModuleType):
    """A package `keyring` that keeps, forgets, or stays locked."""

    def __init__(self, forgets: bool = False, locked: bool = False) -> None:
        super().__init__("keyring")
        self.errors = types.SimpleNamespace(KeyringError=KeyringError)
        self.kept: dict[tuple[str, str], str] = {}
        self.forgets, self.is_locked = forgets, locked

    def get_password(self, service: str, entry: str) -> str | None:
        if self.is_locked:
            raise KeyringError(f"locked: {ONE.text()}")
        return self.kept.get((service, entry))

    def set_password(self, service: str, entry: str, text: str) -> None:
        if not self.forgets:
            self.kept[service, entry] = text


def test_the_keyring_keeps_keys(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", Ring())
    source = OsKeyring()
    assert source.load() == []
    source.add(ONE)
    source.add(TWO)
    assert source.load() == [TWO, ONE]


def test_a_keyring_that_forgets_is_found_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", Ring(forgets=True))
    with pytest.raises(Unavailable, match="did not keep the key"):
        OsKeyring().add(ONE)


def test_a_locked_keyring_is_told_without_its_words(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", Ring(locked=True))
    with pytest.raises(Unavailable, match=r"\(KeyringError\): unlock it") as caught:
        OsKeyring().load()
    assert caught.value.__context__ is None


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(Unavailable, match="pip install keyring"):
        OsKeyring().load()
