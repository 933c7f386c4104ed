"""What a person does to accounts, on the files: the same for the script and for mitmproxy's commands.

Each gives the lines to show. A proxy that runs notices changed files by itself.
"""

from collections.abc import Sequence
from pathlib import Path

from credentials.cipher import Cipher
from credentials.cipher_keys import KeySource
from credentials.file_store import FileStore, rotate
from credentials.keeping import put_away, set_disabled
from credentials.naming import Named
from credentials.store import Unavailable


def switched(store: FileStore, meant: Sequence[Named], *, off: bool) -> list[str]:
    """Switch the account's file off or on. Raises Unavailable, BadFile."""
    file = meant[0].file
    word = "disabled" if off else "enabled"
    changed = set_disabled(store, file, disabled=off) is not None
    return [f"{_called(meant)}: {word}" if changed else f"{_called(meant)}: is {word} already"]


def removed(store: FileStore, meant: Sequence[Named]) -> list[str]:
    """Put the account's file away. Raises Unavailable."""
    away = put_away(store, meant[0].file)
    return [f"{_called(meant)}: removed; its file is {away.name} now, and its first name brings it back"]


def encrypted(folder: Path, source: KeySource) -> list[str]:
    """Encrypt a directory with the current key; if there is none, with one that is made now. Raises Unavailable."""
    there = {key.id for key in source.load()}
    cipher = Cipher(source)
    store = _readable(folder, cipher)
    key = cipher.made()
    count = store.encrypt_all()
    made = "" if key.id in there else f", which was made now: keep a copy of {source.place} in a safe place"
    return [f"{_files(count)} encrypted in {folder}, with key {key.id} of {source.place}{made}"]


def decrypted(folder: Path, source: KeySource) -> list[str]:
    """Keep a directory as plain text from now on. Raises Unavailable."""
    store = FileStore(folder, Cipher(source))
    return [
        f"{_files(store.decrypt_all())} decrypted in {folder}: tokens are readable there by whoever reads the files"
    ]


def rotated(folder: Path, source: KeySource) -> list[str]:
    """Encrypt a directory with a new key. Raises Unavailable, also where it is not encrypted."""
    store = _readable(folder, Cipher(source))
    if not store.encrypted:
        raise Unavailable(f"{folder} is not encrypted: `encrypt` does that")
    key = rotate([store], source)
    return [f"{folder} is encrypted with the new key {key.id}; the old one stays in {source.place} behind it"]


def _readable(folder: Path, cipher: Cipher) -> FileStore:
    """The store, if everything in it can be read: no key is made where one is missing. Raises Unavailable."""
    store = FileStore(folder, cipher)
    for name in store.names():
        store.read(name)
    return store


def _files(count: int) -> str:
    return "nothing had to be" if not count else f"{count} file{'' if count == 1 else 's'}"


def _called(meant: Sequence[Named]) -> str:
    first = meant[0]
    projects = f" (all {len(meant)} projects)" if len(meant) > 1 else ""
    return f"{first.provider}:{first.label.partition(' [')[0] if projects else first.label}{projects}"
