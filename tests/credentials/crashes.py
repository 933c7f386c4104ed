"""Really killing those who write. As a test for a few seconds; for as long as one likes:

    python -m tests.credentials.crashes --seconds 600        or, with the renewals: scripts/torture

Two ways to die. By chance: children write for all they are worth and are killed after a random time. By plan: a child
kills itself at its n-th call that changes a file, before the call or after half of it, for n = 1, 2, 3, … until it
comes through. Children are forked from this one process, which has no threads, so a death costs milliseconds.
"""

import argparse
import fcntl
import json
import math
import os
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from credentials.cipher import Cipher
from credentials.cipher_keys import Key, KeyFile
from credentials.file_store import FileStore, rotate
from credentials.store import Conflict, Stored

NAME = "claude-ana@example.com.json"
NAMES = ("a.json", "b.json")
PATIENCE = 10.0


# --- what is written ------------------------------------------------------------------------------------------------


def content_of(count: int) -> bytes:
    """A content that shows if a byte of it is missing; its length differs from the last one's."""
    return json.dumps({"type": "claude", "count": count, "access_token": str(count) * (1 + count % 97)}).encode()


def count_of(stored: Stored | None) -> int:
    """The number in a content, which must be whole; 0 if there is none."""
    if stored is None:
        return 0
    count = json.loads(stored.content)["count"]
    assert stored.content == content_of(count), "torn"
    assert isinstance(count, int)
    return count


def count_up(store: FileStore, name: str = NAME) -> int:
    """Add one, whatever others do meanwhile."""
    while True:
        stored = store.read(name)
        count = count_of(stored) + 1
        try:
            store.write(name, content_of(count), stored.revision if stored else None)
        except Conflict:
            continue
        return count


def store_of(folder: Path, key_file: Path | None = None) -> FileStore:
    """The folder's store as a new process would have it."""
    return FileStore(folder, Cipher(KeyFile(key_file)) if key_file else None, patience=PATIENCE)


# --- dying ----------------------------------------------------------------------------------------------------------


def child(work: Callable[[], object]) -> int:
    """Fork; gives the process id of somebody who does `work` and exits with 0, or with 1 if it raises."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        work()
        code = 0
    except Exception as error:
        print(repr(error), file=sys.stderr)
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    """How a child ended: its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


CALLS = ("open", "write", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "close", "fchmod", "chmod")


def spring(at: int, half: bool) -> None:
    """From now on this process dies at its `at`-th call: before it, or (half) when half of it, or all, has happened."""
    left = at

    def armed(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left:
                return call(*arguments, **more)
            try:
                if half and call.__name__ == "write":
                    call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                elif half:
                    call(*arguments, **more)
            finally:
                os.kill(os.getpid(), signal.SIGKILL)

        return counted

    for name in CALLS:
        setattr(os, name, armed(getattr(os, name)))
    fcntl.flock = armed(fcntl.flock)


def deaths(prepare: Callable[[], None], work: Callable[[], object], check: Callable[[], None], stride: int = 1) -> int:
    """Let `work` die at every (`stride`-th) call it makes, and check what it left behind; gives how often it died."""
    died = 0
    for half in (False, True):
        for at in range(1 + half * (stride // 2), 10_000, stride):
            prepare()

            def doomed(at: int = at, half: bool = half) -> None:
                spring(at, half)
                work()

            code = ended(child(doomed))
            check()
            if code == 0:
                break
            assert code == -signal.SIGKILL, f"ended with {code}"
            died += 1
    return died


# --- by chance ------------------------------------------------------------------------------------------------------


def killed_by_chance(
    folder: Path, seconds: float, seed: int, key_file: Path | None = None, *, rounds: float = math.inf
) -> int:
    """Kill two writers of one file at random moments, round by round; gives how many. After each: the file is whole,
    every write that was told as done is in it, at most one of each writer that could not be told any more, and no lock
    is left.
    """
    chance, kills, end, writers = random.Random(seed), 0, time.monotonic() + seconds, 2
    store = store_of(folder, key_file)
    told = count_up(store)
    while time.monotonic() < end and kills < rounds * writers:
        reader, writer = os.pipe()

        def work(writer: int = writer) -> None:
            own = store_of(folder, key_file)
            while True:
                with own.locked(NAME):
                    os.write(writer, struct.pack("q", count_up(own)))

        pids = [child(work) for _ in range(writers)]
        os.close(writer)
        time.sleep(chance.random() * 0.010)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert [ended(pid) for pid in pids] == [-signal.SIGKILL] * writers
        with os.fdopen(reader, "rb") as pipe:
            counts = [count for (count,) in struct.iter_unpack("q", pipe.read())]
        assert len(set(counts)) == len(counts), "an update was lost: two were told the same number"
        told = max([told, *counts])
        now = count_of(store.read(NAME))
        assert told <= now <= told + writers, f"{told} was told, {now} is there"
        assert store.names() == [NAME]
        told = count_up(store)
        kills += writers
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    return kills


# --- by plan --------------------------------------------------------------------------------------------------------


def killed_in_a_write(folder: Path, key_file: Path | None = None) -> int:
    """Also in the first one, which makes the folder: encrypted or not at all, if there are keys."""

    def check() -> None:
        store = store_of(folder, key_file)
        assert not folder.exists() or store.encrypted is (key_file is not None)
        before = count_of(store.read(NAME))
        assert before in {0, 1}
        assert count_up(store) == before + 1
        assert {path.name for path in folder.iterdir()} == {NAME, ".cliproxy"}, "rubbish"

    return deaths(lambda: clear(folder), lambda: count_up(store_of(folder, key_file)), check)


def killed_in_a_replacement(folder: Path) -> int:
    """The old content or the new one."""
    store, last = store_of(folder), 0

    def prepare() -> None:
        nonlocal last
        last = count_up(store)

    def check() -> None:
        assert count_of(store.read(NAME)) in {last, last + 1}

    return deaths(prepare, lambda: count_up(store_of(folder)), check)


def killed_in_a_delete(folder: Path) -> int:
    """There or not there."""
    store = store_of(folder)

    def work() -> None:
        stored = store.read(NAME)
        assert stored is not None
        store.delete(NAME, stored.revision)

    def check() -> None:
        assert count_of(store.read(NAME)) in {0, 1}

    def prepare() -> None:
        clear(folder)
        count_up(store)

    return deaths(prepare, work, check)


def killed_while_encrypting(folder: Path, key_file: Path, verb: str, stride: int = 1) -> int:
    """Encrypt, decrypt, or rotate a folder's key: each file can be read after each death, and a second try ends it."""
    template = folder.with_name("template")
    KeyFile(key_file).add(Key.new())
    key = key_file.read_bytes()
    plain = store_of(template)
    for name in NAMES:
        count_up(plain, name)
    if verb != "encrypt":
        store_of(template, key_file).encrypt_all()

    def prepare() -> None:
        clear(folder)
        shutil.copytree(template, folder)
        key_file.write_bytes(key)

    def work() -> None:
        turn(verb, folder, key_file)

    def check() -> None:
        store = store_of(folder, key_file)
        assert store.names() == list(NAMES)
        assert [count_of(store.read(name)) for name in NAMES] == [1, 1]
        before = KeyFile(key_file).load()
        complete = verb == "rotate" and len(before) == 2 and store.kids() == {before[0].id}
        if not complete:  # else a second call would rightly be a second rotation
            turn(verb, folder, key_file)
        keys = KeyFile(key_file).load()
        assert store.kids() == ({""} if verb == "decrypt" else {keys[0].id})
        assert len(keys) == (2 if verb == "rotate" else 1)
        assert [count_of(store.read(name)) for name in NAMES] == [1, 1]

    return deaths(prepare, work, check, stride)


def turn(verb: str, folder: Path, key_file: Path) -> None:
    """Do one of the three."""
    store = store_of(folder, key_file)
    if verb == "rotate":
        rotate([store], KeyFile(key_file))
    elif verb == "encrypt":
        store.encrypt_all()
    else:
        store.decrypt_all()


def clear(folder: Path) -> None:
    """Take a folder away."""
    shutil.rmtree(folder, ignore_errors=True)


# --- running --------------------------------------------------------------------------------------------------------


def in_writes(root: Path, seconds: float, seed: int) -> dict[str, int]:
    """At every call of a write and a delete."""
    return {
        "a first write": killed_in_a_write(root / "first" / "auth"),
        "a first write, encrypted": killed_in_a_write(root / "encrypted" / "auth", root / "keys" / "key"),
        "a replacement": killed_in_a_replacement(root / "replaced"),
        "a delete": killed_in_a_delete(root / "deleted"),
    }


def in_encryption(root: Path, seconds: float, seed: int) -> dict[str, int]:
    """At every call of the three, or some if there is little time."""
    stride = 1 if seconds > 20 else 5
    killed = {}
    for verb in ("encrypt", "decrypt", "rotate"):
        killed[verb] = killed_while_encrypting(root / verb / "auth", root / f"{verb}-keys" / "key", verb, stride)
    return killed


def by_chance(root: Path, seconds: float, seed: int) -> dict[str, int]:
    """For so many seconds."""
    return {
        "plain writes": killed_by_chance(root / "plain" / "auth", seconds / 2, seed),
        "encrypted writes": killed_by_chance(
            root / "hidden" / "auth", seconds / 2, seed + 1, root / "hidden-keys" / "key"
        ),
    }


PARTS = {"writes": in_writes, "encryption": in_encryption, "chance": by_chance}


def main(argv: list[str]) -> int:
    """Print as JSON how many were killed in what; a failed assertion says what was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for what has no end of its own (60)")
    parser.add_argument("--seed", type=int, default=0, help="0: a new one")
    parser.add_argument("--part", choices=PARTS, action="append", help="not all of it")
    parser.add_argument("--folder", type=Path, help="where to make the files; without it in memory, if there is such")
    asked = parser.parse_args(argv)
    memory = Path("/dev/shm")
    where = asked.folder or (memory if os.access(memory, os.W_OK) else None)
    seed = asked.seed or random.randrange(1, 1 << 32)
    killed: dict[str, int] = {}
    with tempfile.TemporaryDirectory(dir=where) as root:
        for part in asked.part or PARTS:
            killed |= PARTS[part](Path(root), asked.seconds, seed)
    print(json.dumps({"seed": seed, "killed": killed}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
