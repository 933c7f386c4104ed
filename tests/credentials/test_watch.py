"""When a change of a file counts, and what a folder's watcher tells of many."""

import asyncio
import json

from credentials.file_store import FileStore
from credentials.store import Stored, Unavailable, revision_of
from credentials.watch import Batch, Changes, FolderWatcher, Stamp

ONE, TWO, THREE = Stamp(1, 10, 1), Stamp(2, 10, 1), Stamp(3, 12, 1)


def test_an_unchanged_file_is_not_news():
    changes = Changes(revision_of(b"port: 1"))
    assert not changes.seen(ONE, 0.0)
    assert changes.seen(ONE, 0.2)  # whether it changed between the reading and the first look, only its content tells
    assert not changes.content(b"port: 1")
    assert not changes.seen(ONE, 0.4)


def test_a_change_counts_when_it_has_rested():
    changes = settled()
    assert not changes.seen(TWO, 10.0)
    assert not changes.seen(TWO, 10.1)
    assert changes.seen(TWO, 10.15)
    assert changes.content(b"port: 2")
    assert not changes.seen(TWO, 10.5)


def test_a_second_change_starts_the_rest_again():
    changes = settled()
    assert not changes.seen(TWO, 10.0)
    assert not changes.seen(THREE, 10.1)
    assert not changes.seen(THREE, 10.2)
    assert changes.seen(THREE, 10.3)


def test_an_empty_file_is_an_editor_at_work():
    changes = settled()
    assert not changes.content(b"")
    assert not changes.content(b" \n")
    assert changes.content(b"port: 2")


def test_a_touched_file_is_not_news():
    changes = settled()
    changes.seen(TWO, 10.0)
    assert changes.seen(TWO, 10.2)
    assert not changes.content(b"port: 1")


def test_a_file_that_goes_and_comes_back_is_read_again():
    changes = settled()
    assert not changes.seen(None, 10.0)
    assert not changes.seen(None, 11.0)
    assert not changes.seen(THREE, 12.0)
    assert changes.seen(THREE, 12.2)


def test_a_bad_file_is_told_once_and_its_mending_is_news():
    changes = settled()
    assert changes.content(b"port: [")
    assert not changes.content(b"port: [")
    assert changes.content(b"port: 1")


def settled() -> Changes:
    """A watch that has seen the first state."""
    changes = Changes(revision_of(b"port: 1"))
    changes.seen(ONE, 0.0)
    changes.seen(ONE, 1.0)
    changes.content(b"port: 1")
    return changes


def test_a_file_counts_as_gone_when_it_has_stayed_away():
    changes = settled()
    assert not changes.seen(None, 10.0)
    assert not changes.gone(10.04)
    assert changes.gone(10.05)
    assert not changes.gone(11.0)
    assert not changes.in_use


def test_a_file_that_comes_back_soon_was_replaced():
    changes = settled()
    changes.seen(None, 10.0)
    changes.seen(THREE, 10.04)
    assert not changes.gone(10.1)
    assert changes.seen(THREE, 10.2)
    assert not changes.content(b"port: 1")


def test_what_was_never_in_use_is_not_missed():
    changes = Changes()
    changes.seen(None, 0.0)
    assert not changes.gone(10.0)


# --- a folder -------------------------------------------------------------------------------------------------------


def body(token: str) -> bytes:
    return json.dumps({"type": "claude", "access_token": token}).encode()


class Clock:
    """Looks as often as it takes for a change to have rested."""

    def __init__(self, watcher: FolderWatcher) -> None:
        self.watcher, self.now = watcher, 0.0

    def rest(self) -> Batch:
        found = Batch([], [])
        for _ in range(4):
            self.now += 0.25
            written, gone = self.watcher.look(self.now)
            found = Batch(found.written + written, found.gone + gone)
        return found


def watched(tmp_path) -> tuple[FileStore, Clock]:
    """A folder with two files in use, and its watcher."""
    store = FileStore(tmp_path)
    applied = {name: store.write(name, body(name), None).revision for name in ("a.json", "b.json")}
    return store, Clock(FolderWatcher(store, lambda _: None, applied))


def names(batch: Batch) -> tuple[list[str], list[str]]:
    return [stored.name for stored in batch.written], batch.gone


def test_what_is_in_use_is_no_news(tmp_path):
    _, clock = watched(tmp_path)
    assert clock.rest() == Batch([], [])


def test_new_changed_and_deleted_files_are_told_together(tmp_path):
    store, clock = watched(tmp_path)
    (tmp_path / "a.json").write_bytes(body("newer"))
    (tmp_path / "b.json").unlink()
    (tmp_path / "C.JSON").write_bytes(body("c"))
    batch = clock.rest()
    assert names(batch) == (["C.JSON", "a.json"], ["b.json"])
    assert batch.written[1] == store.read("a.json")
    assert clock.rest() == Batch([], [])


def test_a_rename_is_a_new_file_and_one_that_is_gone(tmp_path):
    _, clock = watched(tmp_path)
    (tmp_path / "a.json").rename(tmp_path / "z.json")
    assert names(clock.rest()) == (["z.json"], ["a.json"])


def test_a_deleted_file_that_comes_back_later_is_news_again(tmp_path):
    _, clock = watched(tmp_path)
    (tmp_path / "a.json").unlink()
    assert names(clock.rest()) == ([], ["a.json"])
    (tmp_path / "a.json").write_bytes(body("a.json"))
    assert names(clock.rest()) == (["a.json"], [])


def test_a_half_written_file_stays_as_it_was_until_it_is_whole(tmp_path):
    _, clock = watched(tmp_path)
    for part in (b"", body("newer")[:20]):
        (tmp_path / "a.json").write_bytes(part)
        assert clock.rest() == Batch([], [])
    (tmp_path / "a.json").write_bytes(body("newer"))
    assert names(clock.rest()) == (["a.json"], [])


def test_what_we_wrote_ourselves_is_no_news(tmp_path):
    store, clock = watched(tmp_path)
    old = store.read("a.json")
    assert old is not None
    clock.watcher.apply("a.json", store.write("a.json", body("newer"), old.revision).revision)
    store.delete("b.json", revision_of(body("b.json")))
    clock.watcher.apply("b.json", "")
    assert clock.rest() == Batch([], [])


class Closed:
    """A folder that cannot be read for a while."""

    def __init__(self) -> None:
        self.open = False
        self.listed = True

    def stamps(self) -> dict[str, Stamp]:
        if not self.listed:
            raise Unavailable("the folder is away")
        return {"a.json": ONE}

    def read(self, name: str) -> Stored:
        if not self.open:
            raise Unavailable("the key is missing")
        return Stored(name, b"{}", "r1")


def test_trouble_is_told_and_the_change_is_not_forgotten():
    folder = Closed()
    clock = Clock(FolderWatcher(folder, lambda _: None))
    assert clock.rest() == Batch([], [])
    assert clock.watcher.trouble == "the key is missing"
    folder.listed = False
    assert clock.rest() == Batch([], [])  # a folder that cannot be listed has not lost its files
    assert clock.watcher.trouble == "the folder is away"
    folder.open = folder.listed = True
    assert names(clock.rest()) == (["a.json"], [])
    assert clock.watcher.trouble == ""


async def test_the_loop_tells_its_own_thread(tmp_path):
    store = FileStore(tmp_path)
    store.write("a.json", body("a"), None)
    got: asyncio.Queue[Batch] = asyncio.Queue()
    watch = asyncio.create_task(FolderWatcher(store, got.put_nowait).run(interval=0.001))
    async with asyncio.timeout(10):
        assert names(await got.get()) == (["a.json"], [])
    watch.cancel()
    assert isinstance((await asyncio.gather(watch, return_exceptions=True))[0], asyncio.CancelledError)
