"""Credential files at rest: encrypted with AES-256-GCM, each bound to its name.

    {"cliproxy": "encrypted", "v": 1, "name": "claude-ana.json", "kid": "5f1c…", "n": "…", "data": "…"}

It is a JSON object without `type`, so that a program which cannot open it says “no credential” rather than reading
rubbish. `kid` is the id of the key (cipher_keys.Key), `n` the nonce, `data` the content and its tag, both in base64.
The name is authenticated: two files that change places do not become one another.
"""

import base64
import json
import os
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from credentials.cipher_keys import Key, KeySource
from credentials.store import Unavailable

MARK, VERSION = "encrypted", 1
_NONCE = 12


class Cipher:
    """Encrypts and decrypts with the keys of a source. They are asked for when needed, and again when one is missing:
    a key that another process has just made or changed is found.
    """

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._keys: list[Key] = []

    @property
    def place(self) -> str:
        """Where the keys are kept."""
        return self._source.place

    def current(self) -> Key:
        """The key for what is new. Raises Unavailable if there is none."""
        if not self._keys and not self._reload():
            raise Unavailable(f"no key to encrypt with: there is none in {self.place}")
        return self._keys[0]

    def made(self) -> Key:
        """The same; if there is none, a new one is made. Raises Unavailable where that cannot be."""
        if not self._keys and not self._reload():
            self._source.add(Key.new())
        return self.current()

    def reloaded(self) -> Key:
        """The same, but asked for anew."""
        self._reload()
        return self.current()

    def key(self, kid: str) -> Key:
        """The key with this id. Raises Unavailable."""
        if (key := self._found(kid)) or (self._reload() and (key := self._found(kid))):
            return key
        have = " and ".join(key.id for key in self._keys) or "no key at all"
        raise Unavailable(f"encrypted with key {kid}, but {self.place} has {have}: give the right key. Nothing is lost")

    def encrypt(self, name: str, content: bytes, kid: str = "") -> bytes:
        """The file that keeps `content` under `name`. kid: another key than the current one."""
        key = self.key(kid) if kid else self.current()
        nonce = os.urandom(_NONCE)
        data = AESGCM(key.derived(b"content")).encrypt(nonce, content, _bound(name, key.id))
        body = {"cliproxy": MARK, "v": VERSION, "name": name, "kid": key.id, "n": _text(nonce), "data": _text(data)}
        return json.dumps(body, ensure_ascii=False).encode() + b"\n"

    def decrypt(self, name: str, body: dict[str, Any]) -> bytes:
        """The content of a file that `encrypted` knows. Raises Unavailable, which says what to do."""
        if body.get("v") != VERSION:
            raise Unavailable(f"{name} was encrypted by a newer cliproxy: use that one")
        if (was := body.get("name")) != name:
            raise Unavailable(f"{name} was encrypted as {was}: give it that name back")
        key = self._named(name, body)
        content = _opened(key, name, body)
        if content is None:
            raise Unavailable(f"{name} is damaged, or was changed by somebody without the key: log in again")
        return content

    def _named(self, name: str, body: dict[str, Any]) -> Key:
        message = ""
        try:
            return self.key(kid_of(body))
        except Unavailable as error:
            message = f"{name} is {error}"
        raise Unavailable(message)

    def _found(self, kid: str) -> Key | None:
        return next((key for key in self._keys if key.id == kid), None)

    def _reload(self) -> Sequence[Key]:
        self._keys = self._source.load()
        return self._keys


def encrypted(body: object) -> bool:
    """Whether a JSON value is an encrypted file."""
    return isinstance(body, dict) and body.get("cliproxy") == MARK


def kid_of(body: dict[str, Any]) -> str:
    """The id of the key of an encrypted file; "" if it has none."""
    kid = body.get("kid")
    return kid if isinstance(kid, str) else ""


def _opened(key: Key, name: str, body: dict[str, Any]) -> bytes | None:
    try:
        nonce, data = (base64.b64decode(body[part], validate=True) for part in ("n", "data"))
        return AESGCM(key.derived(b"content")).decrypt(nonce, data, _bound(name, key.id))
    except (KeyError, TypeError, ValueError, InvalidTag):
        return None


def _bound(name: str, kid: str) -> bytes:
    return json.dumps(["cliproxy", VERSION, name, kid]).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
