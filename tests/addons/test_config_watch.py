"""A change of the config file is taken up once, when it has come to rest."""

import asyncio
import os

from addons.config.watch import Watcher


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
