"""A change of the config file is taken up once, when it has come to rest."""

import asyncio
import os

from addons.config.watch import Changes, Stamp, Watcher

ONE, TWO, THREE = Stamp(1, 10, 1), Stamp(2, 10, 1), Stamp(3, 12, 1)


def test_an_unchanged_file_is_not_news():
    changes = Changes(b"port: 1")
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
    changes = Changes(b"port: 1")
    changes.seen(ONE, 0.0)
    changes.seen(ONE, 1.0)
    changes.content(b"port: 1")
    return changes


def test_a_watcher_hands_over_the_new_content(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"port: 1")
    got: list[bytes] = []
    watcher = Watcher(path, got.append, applied=b"port: 1")
    watcher.look(0.0)
    watcher.look(1.0)
    assert got == []
    other = tmp_path / "config.yaml.new"
    other.write_bytes(b"port: 22")
    os.replace(other, path)
    watcher.look(2.0)
    watcher.look(3.0)
    watcher.look(4.0)
    assert got == [b"port: 22"]


def test_a_watcher_outlives_a_missing_file(tmp_path):
    path = tmp_path / "config.yaml"
    got: list[bytes] = []
    watcher = Watcher(path, got.append)
    watcher.look(0.0)
    watcher.look(1.0)
    path.write_bytes(b"port: 1")
    watcher.look(2.0)
    watcher.look(3.0)
    assert got == [b"port: 1"]


async def test_the_loop_looks_until_it_is_cancelled(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"port: 1")
    changed = asyncio.Event()
    watch = asyncio.create_task(Watcher(path, lambda _: changed.set()).run(interval=0.001))
    async with asyncio.timeout(10):
        await changed.wait()
    watch.cancel()
    assert isinstance((await asyncio.gather(watch, return_exceptions=True))[0], asyncio.CancelledError)
