"""Files that are replaced as a whole or not at all, and locks that end with whoever holds them.

POSIX only: `flock` and renaming over a file are what it stands on. On Windows reading works; locks, and with them every
write, say so (Unavailable).
"""

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from credentials.store import Unavailable

if sys.platform != "win32":
    import fcntl

LARGEST = 1 << 20
"""Bytes. Credential files have a few thousand; what is larger is something else."""

HIDDEN = ".cliproxy"
"""Folder of locks and marks, inside each folder that we write in."""

TEMPORARY = ".cliproxy.tmp"
"""One name is enough: whoever writes in a folder holds its lock. A leftover is a writer's that died."""

_NO_PERMISSION = (
    "no permission: the folder and its files must belong to the user that runs cliproxy (chown, chmod u+rwX)"
)
_MOUNTED = "the file is mounted by itself and cannot be replaced: mount its folder instead"
_NO_LOCKS = "this file system has no locks: use a folder on a local disk"
_ADVICE = {
    errno.ENOSPC: "the disk is full: make room. Nothing was changed",
    errno.EDQUOT: "the quota is used up: make room. Nothing was changed",
    errno.EROFS: "the file system is read-only: mount it writable, or set `auth-dir` to another folder",
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EBUSY: _MOUNTED,
    errno.EXDEV: _MOUNTED,
    errno.EISDIR: "it is a folder: move it away",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.ENOENT: "its folder does not exist (a link into nowhere?)",
    errno.ENAMETOOLONG: "the name is too long for this file system",
    errno.ENOLCK: _NO_LOCKS,
    errno.EOPNOTSUPP: _NO_LOCKS,
}


class Contents(NamedTuple):
    """A file as it was at one moment."""

    content: bytes
    stat: os.stat_result

    def __repr__(self) -> str:
        """The content may be secret."""
        return f"Contents({len(self.content)} bytes)"


class Changed(Exception):
    """Somebody without our lock wrote the file between the look at it and its replacement."""


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError into Unavailable, with what to do."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, error.strerror or "the system refused")
        raise Unavailable(f"cannot {doing} {path}: {advice}") from error


def read_file(path: Path) -> Contents | None:
    """A regular file, links followed. None: not there, no file, or larger than LARGEST. Raises OSError."""
    try:
        # NONBLOCK: a named pipe would otherwise wait for a writer
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # links in a ring; a socket
            return None
        raise
    with os.fdopen(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > LARGEST:
            return None
        return Contents(file.read(LARGEST + 1), seen)


def replace_file(path: Path, content: bytes, before: os.stat_result | None = None) -> None:
    """Put `content` at `path`, whole or not at all; 0600 from the first moment. The caller holds the folder's lock.

    before: what the file was when it was looked at (None: it was not there, or nobody looked). Raises Changed if it is
    that no longer, and OSError; the file is then as it was.
    """
    temporary = path.with_name(TEMPORARY)
    with suppress(FileNotFoundError):
        temporary.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(temporary, flags, 0o600)
        try:
            os.fchmod(descriptor, 0o600)  # the umask can only take away: give back what it took
            if before is not None and before.st_uid != os.geteuid():
                with suppress(PermissionError):  # root leaves the file to its owner
                    os.fchown(descriptor, before.st_uid, before.st_gid)
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if before is not None and not _same(path, before):
            raise Changed
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, mode 0700. It may be there already."""
    if not path.parent.exists():
        make_folder(path.parent)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        path.chmod(0o700)  # the umask may have taken from it


def hidden_folder(folder: Path, *inside: str) -> Path:
    """The folder of locks and marks in a folder, which must be there."""
    path = folder
    for part in (HIDDEN, *inside):
        path /= part
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
    return path


def sync_folder(path: Path) -> None:
    """Have the names in a folder on the disk, not only the contents of its files."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _same(path: Path, before: os.stat_result) -> bool:
    try:
        now = path.stat()
    except OSError:
        return False
    return (now.st_mtime_ns, now.st_size, now.st_ino) == (before.st_mtime_ns, before.st_size, before.st_ino)


# --- locks ----------------------------------------------------------------------------------------------------------

_SHORTEST, _LONGEST = 0.001, 0.020
"""Seconds between two tries. Trying, not waiting, so that patience can end."""


@contextmanager
def held(path: Path, patience: float, what: str) -> Iterator[None]:
    """Hold the lock file at `path`, against all processes and threads. It may be let go by another thread than it was
    taken by. The kernel lets it go when its holder dies, so it is never stale; the file itself stays, empty.

    Raises Unavailable after `patience` seconds, or where there are no locks.
    """
    descriptor = _acquire(path, patience, what)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def folder_held(folder: Path, patience: float = 10.0) -> Iterator[None]:
    """The right to write in a folder. Held for moments only, never while waiting for a network."""
    with explained("write in", folder):
        lock = hidden_folder(folder) / "lock"
    with held(lock, patience, f"the folder {folder}"):
        yield


def _acquire(path: Path, patience: float, what: str) -> int:
    if sys.platform == "win32":
        raise Unavailable("cliproxy cannot write credential files on Windows: use WSL")
    end, pause = time.monotonic() + patience, _SHORTEST
    while True:
        with explained("lock", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _locked(descriptor):
                if _still(descriptor, path):
                    return descriptor
                os.close(descriptor)  # somebody removed the file: lock the one that is there now
                continue
        os.close(descriptor)
        if time.monotonic() >= end:
            raise Unavailable(f"{what} has been in use by another process for {patience:g} s: is one hanging?")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        os.close(descriptor)
        raise
    return True


def _still(descriptor: int, path: Path) -> bool:
    ours = os.fstat(descriptor)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
