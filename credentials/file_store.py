"""Credential files in a folder, in place: CLIProxyAPI's auth directory, or one of our own, encrypted or not.

    <folder>/claude-ana@example.com.json     a credential: a JSON object
    <folder>/.cliproxy/lock                  held for the moment of a write
    <folder>/.cliproxy/locks/…               one for each name: what `locked` holds
    <folder>/.cliproxy/encrypted             is there if the folder is kept encrypted, and says with which key

A write takes the short lock only, and compares revisions under it. So it may happen inside `locked` and in any thread;
whoever writes without the name's lock makes the lock's holder meet a Conflict, and nothing is lost. Programs that know
none of these locks (CLIProxyAPI, editors) are noticed up to the last moment before a file is replaced.

The mark decides whether files are written encrypted; reading takes either, so that each file can be read at any moment
of encrypting, decrypting or changing the key. Those three are begun anew when they were broken off.
"""

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from credentials.cipher import Cipher, encrypted, kid_of
from credentials.cipher_keys import Key, KeySource, key_source
from credentials.files import (
    HIDDEN,
    Changed,
    Contents,
    explained,
    folder_held,
    held,
    hidden_folder,
    make_folder,
    read_file,
    replace_file,
    sync_folder,
)
from credentials.store import Conflict, Stored, Unavailable, revision_of
from credentials.watch import Stamp

MARK = "encrypted"
PATIENCE = 120.0
"""Seconds to wait for somebody else's `locked`: longer than a refresh with its retries."""
AT_REST = 1.0
"""Seconds after which a half-written file is no longer being written, but broken."""


class _Mark(NamedTuple):
    """What a folder's mark says. writes: whether new contents are encrypted (not while the folder is decrypted)."""

    kid: str
    writes: bool


class _Found(NamedTuple):
    """A file at its place. content: decrypted. kid: "" for plain text."""

    content: bytes
    revision: str
    kid: str
    stat: os.stat_result

    def __repr__(self) -> str:
        return f"_Found(revision={self.revision[:12]!r})"


def open_store(folder: Path, env: Mapping[str, str], home: Path) -> "FileStore":
    """The store of a folder, with the keys that this environment has. Touches nothing."""
    return FileStore(folder, Cipher(key_source(env, home)))


class FileStore:
    """Store over a folder. cipher: opens encrypted files; with it, a folder that does not exist yet is made encrypted.
    A folder that is there stays as it is. patience: how long `locked` waits.
    """

    def __init__(self, folder: Path, cipher: Cipher | None = None, patience: float = PATIENCE) -> None:
        self.folder = folder
        self._cipher = cipher
        self._patience = patience

    @property
    def encrypted(self) -> bool:
        """Whether what is written from now on is encrypted. Raises Unavailable."""
        mark = self._mark()
        return mark is not None and mark.writes

    # --- reading ---

    def names(self) -> list[str]:
        """All names, sorted. Raises Unavailable: no permission, or the folder is encrypted and the key is not there."""
        self._check()
        return sorted(name for name, body in self._bodies() if isinstance(body, dict))

    def left_out(self) -> list[str]:
        """Names of files that look like credentials and are none: empty, half written, unreadable, something else."""
        return sorted(name for name, body in self._bodies() if not isinstance(body, dict))

    def stamps(self) -> dict[str, Stamp]:
        """What `stat` says of every file, for the watcher."""
        stamps = {}
        for entry in self._entries():
            with suppress(OSError):
                seen = entry.stat()
                stamps[entry.name] = Stamp(seen.st_mtime_ns, seen.st_size, seen.st_ino)
        return stamps

    def read(self, name: str) -> Stored | None:
        """A piece; None if there is none, or it is not whole. Raises Unavailable."""
        if not _is_name(name):
            return None
        found = self._look(name, self._raw(self.folder / name))
        return Stored(name, found.content, found.revision) if found else None

    # --- writing ---

    def write(self, name: str, content: bytes, expected: str | None) -> Stored:
        """Replace the piece whose revision is `expected` (None: make a new one). Raises Conflict, Unavailable, and
        ValueError for what can be no credential file. What is there already is not written again.
        """
        _must_be_a_name(name)
        if not isinstance(_json(content), dict):
            raise ValueError(f"the content for {name} is no JSON object")
        self._make()
        with self._writing(name) as path:
            found = self._current(name, path, expected)
            kid = self._kid_for(found)
            if found is None or (found.content, found.kid) != (content, kid):
                self._put(name, path, content, kid, found)
        return Stored(name, content, revision_of(content))

    def delete(self, name: str, expected: str) -> None:
        """Take a piece away; of a link, the link. Raises Conflict, Unavailable."""
        if self.read(name) is None:
            raise Conflict(name, None)
        with self._writing(name) as path:
            self._current(name, path, expected)
            with explained("delete", self.folder / name):
                (self.folder / name).unlink()
                sync_folder(self.folder)

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Hold off all other processes and threads that want the same name, for as long as a refresh takes. Not for
        re-entry. Raises Unavailable when the holder does not let go, and where nothing could be written anyway.
        """
        _must_be_a_name(name)
        self._make()
        place = self._place(name)
        with explained("lock", place):
            locks = hidden_folder(place.parent, "locks")
        # Names in another case are the same file on some systems; names may be too long with anything added.
        lock = locks / hashlib.sha256(place.name.casefold().encode(errors="surrogateescape")).hexdigest()[:32]
        return held(lock, self._patience, name)

    # --- encryption of the whole folder ---

    def encrypt_all(self) -> int:
        """Keep the folder encrypted with the cipher's current key, what is in it and what comes; gives the number of
        files that were written. The same when the key has changed. May be broken off and begun anew at any moment.
        """
        return self._turn(self._needed().reloaded().id, "encrypted")

    def decrypt_all(self) -> int:
        """Keep the folder as plain text; gives the number of files that were written."""
        mark = self._mark()
        count = self._turn(mark.kid if mark else "", "decrypting")
        with folder_held(self.folder), explained("write in", self.folder):
            if (mark := self._mark()) and not mark.writes:  # nobody has begun to encrypt meanwhile
                self._mark_path.unlink()
                sync_folder(self._mark_path.parent)
        return count

    def kids(self) -> set[str]:
        """Ids of the keys that files and folder are encrypted with now; "" for plain text."""
        mark = self._mark()
        bodies = [body for _, body in self._bodies() if isinstance(body, dict)]
        kids = {kid_of(body) if encrypted(body) else "" for body in bodies}
        return kids | ({mark.kid} if mark else set())

    def _turn(self, kid: str, state: str) -> int:
        for name in self.names():  # nothing is begun that cannot be ended
            self.read(name)
        self._make()
        with folder_held(self.folder), explained("write in", self.folder):
            replace_file(self._mark_path, _mark_of(state, kid))
        return sum(self._renew(name) for name in self.names())

    def _renew(self, name: str) -> bool:
        """Write a file in the form that the mark asks for; False if it has it, or is gone."""
        with self._writing(name) as path:
            found = self._look(name, self._raw(path))
            mark = self._mark()
            kid = mark.kid if mark and mark.writes else ""
            if found is None or found.kid == kid:
                return False
            self._put(name, path, found.content, kid, found)
            return True

    # --- parts ---

    @property
    def _mark_path(self) -> Path:
        return self.folder / HIDDEN / MARK

    def _mark(self) -> _Mark | None:
        with explained("read", self._mark_path):
            found = read_file(self._mark_path)
        if found is None:
            return None
        body = _json(found.content)
        if not isinstance(body, dict) or body.get("cliproxy") not in {"encrypted", "decrypting"}:
            raise Unavailable(f"{self._mark_path} is damaged: it should say how the folder is encrypted")
        return _Mark(kid_of(body), body["cliproxy"] == "encrypted")

    def _needed(self) -> Cipher:
        if self._cipher is None:
            raise Unavailable(f"{self.folder} is encrypted, or shall be, and no key was given: set CLIPROXY_KEY")
        return self._cipher

    def _check(self) -> None:
        """Raise the one error for the whole folder, if its key is not there."""
        if (mark := self._mark()) is None or not mark.kid:
            return
        cipher, message = self._needed(), ""
        try:
            cipher.key(mark.kid)
        except Unavailable as error:
            message = f"{self.folder} is {error}"
        if message:
            raise Unavailable(message)

    def _entries(self) -> list[os.DirEntry[str]]:
        with explained("read", self.folder):
            try:
                with os.scandir(self.folder) as entries:
                    return [entry for entry in entries if _is_name(entry.name)]
            except FileNotFoundError:
                return []

    def _bodies(self) -> Iterator[tuple[str, Any]]:
        for entry in self._entries():
            try:
                if entry.is_dir():
                    continue
                found = read_file(Path(entry.path))
            except OSError:  # one file of somebody else's does not stop the others
                found = None
            yield entry.name, _json(found.content) if found else None

    def _raw(self, path: Path) -> Contents | None:
        with explained("read", path):
            return read_file(path)

    def _look(self, name: str, raw: Contents | None) -> _Found | None:
        body = _json(raw.content) if raw else None
        if raw is None or not isinstance(body, dict):
            return None
        if not encrypted(body):
            return _Found(raw.content, revision_of(raw.content), "", raw.stat)
        content = self._needed().decrypt(name, body)
        return _Found(content, revision_of(content), kid_of(body), raw.stat)

    def _place(self, name: str) -> Path:
        """Where the file really is: links stay links, what they lead to is replaced."""
        path = self.folder / name
        return Path(os.path.realpath(path)) if os.path.islink(path) else path

    def _make(self) -> None:
        """Make the folder if it is missing: encrypted, if there is a cipher, from its first moment."""
        with explained("make", self.folder):
            if self.folder.exists():
                return
            make_folder(self.folder.parent)
            if self._cipher is None:
                make_folder(self.folder)
            else:
                self._make_encrypted(self._cipher.made())
            sync_folder(self.folder.parent)

    def _make_encrypted(self, key: Key) -> None:
        new = self.folder.with_name(f".{self.folder.name}.{secrets.token_hex(4)}.new")
        mark = new / HIDDEN / MARK
        try:
            make_folder(mark.parent)
            replace_file(mark, _mark_of("encrypted", key.id))
            new.rename(self.folder)
        except OSError:
            with suppress(OSError):
                mark.unlink()
                mark.parent.rmdir()
                new.rmdir()
            if not self.folder.exists():  # else somebody was faster
                raise

    @contextmanager
    def _writing(self, name: str) -> Iterator[Path]:
        """The right to write a name; gives where the file really is."""
        place = self._place(name)
        with ExitStack() as stack:
            stack.enter_context(folder_held(self.folder))
            if place.parent != self.folder:
                stack.enter_context(folder_held(place.parent))
            yield place

    def _current(self, name: str, path: Path, expected: str | None) -> _Found | None:
        """The file, if its revision is `expected`. Raises Conflict."""
        raw = self._raw(path)
        found = self._look(name, raw)
        if (found.revision if found else None) != expected:
            raise Conflict(name, Stored(name, found.content, found.revision) if found else None)
        if raw is not None and found is None:
            _set_aside(path, raw)
        return found

    def _kid_for(self, found: _Found | None) -> str:
        """With which key to write: the mark's; without a mark, as the file is; a new one, as its neighbours are."""
        mark = self._mark()
        if mark is not None:
            return mark.kid if mark.writes else ""
        if found is not None:
            return found.kid
        return next((kid_of(body) for _, body in self._bodies() if encrypted(body)), "")

    def _put(self, name: str, path: Path, content: bytes, kid: str, found: _Found | None) -> None:
        data = self._needed().encrypt(name, content, kid) if kid else content
        try:
            with explained("write", path):
                replace_file(path, data, found.stat if found else None)
            return
        except Changed:
            now = self._look(name, self._raw(path))
        raise Conflict(name, Stored(name, now.content, now.revision) if now else None)


def rotate(stores: list[FileStore], source: KeySource) -> Key:
    """A new key for folders that share a source; gives it. The old one stays in the source, after the new, for folders
    that are not among these. Where a rotation was broken off, it is ended with the key that was made then.
    Raises Unavailable; each file can be read at every moment.
    """
    used = set().union(*(store.kids() for store in stores))
    keys = source.load()
    if not keys or used <= {keys[0].id, ""}:
        source.add(Key.new())
    for store in stores:
        store.encrypt_all()
    return source.load()[0]


def _mark_of(state: str, kid: str) -> bytes:
    return json.dumps({"cliproxy": state, "kid": kid}).encode()


_NAME = re.compile(r"[^./\\\x00-\x1f\ud800-\udfff][^/\\\x00-\x1f\ud800-\udfff]*")


def _is_name(name: str) -> bool:
    return name.lower().endswith(".json") and _NAME.fullmatch(name) is not None


def _must_be_a_name(name: str) -> None:
    if not _is_name(name):
        raise ValueError(f"{name!r} can be no credential file: one name without slashes, not hidden, ending in .json")


def _json(content: bytes) -> Any:
    """The value, None for what is no JSON: empty, half written, something else."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _set_aside(path: Path, raw: Contents) -> None:
    """Keep what a broken file holds before it is replaced: it may be somebody's only token."""
    if time.time() - raw.stat.st_mtime < AT_REST:
        raise Unavailable(f"{path} is being written by another program: try again in a moment")
    if raw.content.strip():
        with explained("write", path):
            digest = hashlib.sha256(raw.content).hexdigest()[:8]
            path.replace(path.with_name(f"{path.name}.{digest}.broken"))
