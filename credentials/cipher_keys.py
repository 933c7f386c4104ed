"""The keys that credential files are encrypted with, and where they are kept: environment, key file, or OS keyring.

A source holds one key or more, the current one first; the others still open what was encrypted before. As text a key is
32 bytes in base64url; several stand on lines of their own or with commas or blanks between them.

    CLIPROXY_KEY=KEY [OLD-KEY …]      the keys themselves
    CLIPROXY_KEY=keyring              they are in the keyring of the operating system (needs the package `keyring`)
    CLIPROXY_KEY_FILE=PATH            they are in this file; else in ~/.config/cliproxy/key, if that is there
"""

import base64
import binascii
import importlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from credentials.files import explained, folder_held, make_folder, read_file, replace_file
from credentials.store import Unavailable

VARIABLE, FILE_VARIABLE = "CLIPROXY_KEY", "CLIPROXY_KEY_FILE"
KEYRING = "keyring"
"""The value of the variable that sends us to the operating system's keyring."""
SERVICE, ENTRY = "cliproxy", "credential-files"
"""Where the keys stand in the keyring."""

_SIZE = 32


class Key:
    """A key. Prints as its id, which tells nothing about it."""

    __slots__ = ("_raw", "id")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.id = self.derived(b"id", 8).hex()

    @classmethod
    def new(cls) -> "Key":
        """A random one."""
        return cls(secrets.token_bytes(_SIZE))

    def derived(self, purpose: bytes, length: int = _SIZE) -> bytes:
        """Bytes for one purpose, of no use for another."""
        return HKDF(SHA256(), length, salt=None, info=b"cliproxy credential files: " + purpose).derive(self._raw)

    def text(self) -> str:
        """The key as it stands in a source; only for writing it there."""
        return base64.urlsafe_b64encode(self._raw).decode().rstrip("=")

    def __repr__(self) -> str:
        return f"Key({self.id})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __getstate__(self) -> object:
        raise TypeError("a Key is never serialised")


class KeySource(Protocol):
    """Where keys are kept."""

    @property
    def place(self) -> str:
        """What people call it, for messages."""
        ...

    def load(self) -> list[Key]:
        """All keys, the current one first; [] if there are none. Raises Unavailable."""
        ...

    def add(self, key: Key) -> None:
        """Make this the current key and keep the others, which folders may need that nobody thinks of.

        Raises Unavailable, in particular where only a person can do that.
        """
        ...


def key_source(env: Mapping[str, str], home: Path) -> KeySource:
    """Where this environment has its keys."""
    value = env.get(VARIABLE, "").strip()
    if value.lower() == KEYRING:
        return OsKeyring()
    if value:
        return GivenKeys(value)
    given = env.get(FILE_VARIABLE, "").strip()
    if given:
        head, _, rest = given.partition("/")
        return KeyFile(home / rest if head == "~" else Path(given))
    return KeyFile(home / ".config" / "cliproxy" / "key")


def read_keys(text: str, place: str) -> list[Key]:
    """Keys from text. Raises Unavailable, which tells the place and nothing of the text."""
    keys: list[Key] = []
    for number, word in enumerate(text.replace(",", " ").split(), start=1):
        raw = _decoded(word)
        if len(raw) != _SIZE:
            raise Unavailable(
                f"entry {number} of {place} is no key: a key is 32 random bytes in base64url, 43 characters"
                " (`openssl rand -base64 32` makes one)"
            )
        if (key := Key(raw)) not in keys:
            keys.append(key)
    return keys


def _decoded(word: str) -> bytes:
    try:
        return base64.b64decode(word.rstrip("=").replace("+", "-").replace("/", "_") + "=", b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


class GivenKeys:
    """Keys in a variable of the environment."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.place = VARIABLE

    def load(self) -> list[Key]:
        """Raises Unavailable if they are no keys."""
        return read_keys(self._text, self.place)

    def add(self, key: Key) -> None:
        """Nobody but a person can do that."""
        raise Unavailable(
            f"the key is in {VARIABLE}, which cliproxy cannot change: set it to a new key, a blank and the old one,"
            " encrypt again, then take the old one away"
        )


class KeyFile:
    """Keys in a file, one on a line, mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = str(path)

    def load(self) -> list[Key]:
        """Raises Unavailable if they are no keys, or others may read the file."""
        with explained("read the key file", self.path):
            found = read_file(self.path)
        if found is None:
            return []
        # Secrets that a container mounts belong to somebody else; their mode is not ours to mend.
        if os.name == "posix" and found.stat.st_mode & 0o077 and found.stat.st_uid == os.geteuid():
            raise Unavailable(f"others may read the key file {self.path}: chmod 600 it, or make a new key if they did")
        return read_keys(found.content.decode("ascii", "replace"), self.place)

    def add(self, key: Key) -> None:
        """Replaces the file as a whole, under its folder's lock: of two who add, neither loses."""
        with explained("write the key file", self.path):
            make_folder(self.path.parent)
        with folder_held(self.path.parent), explained("write the key file", self.path):
            lines = [f"{each.text()}\n" for each in (key, *self.load())]
            replace_file(self.path, "".join(lines).encode())


class OsKeyring:
    """Keys in the keyring of the operating system, by the package `keyring`, which is not installed with cliproxy."""

    def __init__(self) -> None:
        self.place = "the keyring"

    def load(self) -> list[Key]:
        """Raises Unavailable if there is no keyring, or it stays locked."""
        return read_keys(self._ask("get_password", SERVICE, ENTRY) or "", self.place)

    def add(self, key: Key) -> None:
        """Written, and read back, because some keyrings forget."""
        self._ask("set_password", SERVICE, ENTRY, " ".join(each.text() for each in (key, *self.load())))
        if key not in self.load():
            raise Unavailable("the keyring did not keep the key: use a key file (CLIPROXY_KEY_FILE)")

    @staticmethod
    def _ask(verb: str, *arguments: str) -> Any:
        try:
            # Imported when it is wanted: it looks through all installed packages for keyrings.
            keyring = importlib.import_module("keyring")
        except ImportError:
            message = "CLIPROXY_KEY says `keyring`, but the package is missing: pip install keyring, or use a key file"
        else:
            try:
                return getattr(keyring, verb)(*arguments)
            except keyring.errors.KeyringError as error:
                message = f"the keyring cannot be used ({type(error).__name__}): unlock it, or use a key file"
        raise Unavailable(message)
