"""A folder of credential files: nothing is lost, nothing is seen by others, nothing is written in vain."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from credentials import files
from credentials.account import Tokens, read_account, with_tokens, write_account
from credentials.cipher import Cipher
from credentials.cipher_keys import GivenKeys, Key, KeyFile
from credentials.file_store import FileStore, open_store
from credentials.files import TEMPORARY, explained
from credentials.model import Secret
from credentials.store import Conflict, Store, Stored, Unavailable, revision_of
from tests.credentials import crashes

ROOT = Path(__file__).parents[2]
CANARY = "sk-canary-3f9a1c7e"


def body(token: str = CANARY, **more: object) -> bytes:
    return json.dumps({"type": "claude", "access_token": token, **more}).encode()


@pytest.fixture(params=["plain", "encrypted"])
def store(request, tmp_path) -> FileStore:
    """A store that makes its own folder."""
    cipher = Cipher(GivenKeys(Key.new().text())) if request.param == "encrypted" else None
    return FileStore(tmp_path / "auth", cipher)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# --- the interface --------------------------------------------------------------------------------------------------


def test_it_is_a_store(store):
    as_store: Store = store
    assert as_store.names() == []
    assert as_store.read("a.json") is None


def test_what_was_written_is_read(store):
    written = store.write("ana@example.com.json", body(), None)
    assert written == Stored("ana@example.com.json", body(), revision_of(body()))
    assert store.read("ana@example.com.json") == written
    assert store.names() == ["ana@example.com.json"]
    assert (CANARY in (store.folder / "ana@example.com.json").read_text()) is not store.encrypted


def test_a_write_over_something_newer_is_a_conflict(store):
    first = store.write("a.json", body("1"), None)
    second = store.write("a.json", body("2"), first.revision)
    for expected in (first.revision, None, "nonsense"):
        with pytest.raises(Conflict) as caught:
            store.write("a.json", body("3"), expected)
        assert caught.value.current == second
    assert store.read("a.json") == second


def test_a_write_over_something_deleted_is_a_conflict(store):
    first = store.write("a.json", body("1"), None)
    store.delete("a.json", first.revision)
    with pytest.raises(Conflict) as caught:
        store.write("a.json", body("2"), first.revision)
    assert caught.value.current is None
    assert store.names() == []


def test_a_delete_wants_the_right_revision_too(store):
    first = store.write("a.json", body("1"), None)
    with pytest.raises(Conflict):
        store.delete("a.json", "nonsense")
    store.delete("a.json", first.revision)
    with pytest.raises(Conflict) as caught:
        store.delete("a.json", first.revision)
    assert caught.value.current is None


def test_what_is_there_already_is_not_written(store, monkeypatch):
    first = store.write("a.json", body(), None)
    monkeypatch.setattr("credentials.file_store.replace_file", None)  # would raise
    assert store.write("a.json", body(), first.revision) == first


NO_NAMES = ["", ".json", ".hidden.json", "a.txt", "a", "../a.json", "x/a.json", "x\\a.json", "a\0.json", "a\n.json"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_can_be_no_name_is_refused(store, name):
    with pytest.raises(ValueError, match="credential file"):
        store.write(name, body(), None)
    with pytest.raises(ValueError, match="credential file"):
        store.locked(name)
    assert store.read(name) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff"])
def test_what_would_not_be_read_is_not_written(store, content):
    with pytest.raises(ValueError, match="no JSON object"):
        store.write("a.json", content, None)
    assert not store.folder.exists()


def test_a_lock_may_be_held_while_writing_and_let_go_elsewhere(store):
    lock = store.locked("a.json")
    lock.__enter__()
    stored = store.write("a.json", body("1"), None)
    with store.locked("b.json"):
        store.write("a.json", body("2"), stored.revision)
    other = threading.Thread(target=lock.__exit__, args=(None, None, None))
    other.start()
    other.join()
    with store.locked("a.json"):
        assert store.read("a.json").content == body("2")


# --- other people's files -------------------------------------------------------------------------------------------


def test_only_whole_files_with_the_right_name_are_seen(tmp_path):
    store = FileStore(tmp_path)
    for name in ("a.json", "B.JSON", "c.Json", "büro ü.json"):
        (tmp_path / name).write_bytes(body())
    for name in (".hidden.json", "a.json.tmp", "notes.txt", TEMPORARY, ".oauth-claude-1.oauth"):
        (tmp_path / name).write_bytes(body())
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "folder.json" / "inner.json").write_bytes(body())
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "nowhere.json").symlink_to(tmp_path / "gone")
    (tmp_path / "ring.json").symlink_to(tmp_path / "ring.json")
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "half.json").write_bytes(body()[:30])
    (tmp_path / "list.json").write_bytes(b"[1]")
    (tmp_path / "huge.json").write_bytes(b'{"a":"' + b"x" * files.LARGEST + b'"}')
    assert store.names() == ["B.JSON", "a.json", "büro ü.json", "c.Json"]
    left_out = ["empty.json", "half.json", "huge.json", "list.json", "nowhere.json", "pipe.json", "ring.json"]
    assert store.left_out() == left_out
    assert [store.read(name) for name in left_out] == [None] * len(left_out)


def test_only_the_tokens_of_a_file_change(tmp_path):
    source = b'{"refresh_token":"r1","zeta":[1.0,1e3],"type":"codex","access_token":"a1","note":"b\\u00fcro"}\n'
    (tmp_path / "codex.json").write_bytes(source)
    store = FileStore(tmp_path)
    stored = store.read("codex.json")
    assert stored is not None
    after = with_tokens(read_account(stored.name, stored.content), Tokens(Secret("a2"), Secret("r2")), 0)
    store.write("codex.json", write_account(after), stored.revision)
    expected = source.replace(b"r1", b"r2").replace(b"a1", b"a2")
    assert (tmp_path / "codex.json").read_bytes() == expected[:-2] + b',"last_refresh":"1970-01-01T00:00:00Z"}\n'


def test_a_link_stays_a_link(tmp_path):
    real = tmp_path / "elsewhere" / "real.json"
    real.parent.mkdir()
    real.write_bytes(body("1"))
    (tmp_path / "auth").mkdir()
    (tmp_path / "auth" / "a.json").symlink_to(real)
    store = FileStore(tmp_path / "auth")
    with store.locked("a.json"):
        second = store.write("a.json", body("2"), revision_of(body("1")))
    assert real.read_bytes() == body("2")
    assert (tmp_path / "auth" / "a.json").is_symlink()
    store.delete("a.json", second.revision)
    assert real.exists()
    assert store.names() == []


def test_two_links_to_one_file_share_its_lock(tmp_path):
    (tmp_path / "real.json").write_bytes(body())
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    store = FileStore(tmp_path, patience=0.0)
    with store.locked("real.json"), pytest.raises(Unavailable), store.locked("link.json"):
        pass


def test_a_linked_folder_is_the_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "auth").symlink_to(tmp_path / "real")
    FileStore(tmp_path / "auth").write("a.json", body(), None)
    assert (tmp_path / "real" / "a.json").read_bytes() == body()


def test_a_link_into_nowhere_is_told(tmp_path):
    (tmp_path / "a.json").symlink_to(tmp_path / "gone" / "a.json")
    with pytest.raises(Unavailable, match="link into nowhere"):
        FileStore(tmp_path).write("a.json", body(), None)


def test_a_broken_file_is_set_aside_before_it_is_replaced(tmp_path):
    (tmp_path / "a.json").write_bytes(body()[:-3])
    os.utime(tmp_path / "a.json", (0, 0))
    FileStore(tmp_path).write("a.json", body("new"), None)
    assert [path.read_bytes() for path in tmp_path.glob("a.json.*.broken")] == [body()[:-3]]
    (tmp_path / "b.json").touch()
    os.utime(tmp_path / "b.json", (0, 0))
    FileStore(tmp_path).write("b.json", body("new"), None)
    assert FileStore(tmp_path).names() == ["a.json", "b.json"]
    assert not list(tmp_path.glob("b.json.*"))


def test_a_file_that_is_being_written_is_left_to_its_writer(tmp_path):
    (tmp_path / "a.json").touch()  # as programs do that truncate first
    os.utime(tmp_path / "a.json", (time.time() + 60,) * 2)
    with pytest.raises(Unavailable, match="try again"):
        FileStore(tmp_path).write("a.json", body("new"), None)
    with pytest.raises(Conflict):
        FileStore(tmp_path).write("a.json", body("new"), revision_of(body()))
    assert (tmp_path / "a.json").read_bytes() == b""


def test_somebody_without_our_lock_is_noticed_at_the_last_moment(store, monkeypatch):
    first = store.write("a.json", body("1"), None)
    real = os.fsync

    def intruding(descriptor: int) -> None:
        (store.folder / "a.json").write_bytes(body("foreign"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", intruding)
    with pytest.raises(Conflict) as caught:
        store.write("a.json", body("2"), first.revision)
    assert caught.value.current == Stored("a.json", body("foreign"), revision_of(body("foreign")))
    assert (store.folder / "a.json").read_bytes() == body("foreign")
    assert not (store.folder / TEMPORARY).exists()


# --- who may see it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_files_are_ours_alone_from_their_first_moment(store, monkeypatch, umask):
    """Looked at after every call of the system that could make or change a file."""
    seen: set[int] = set()

    def watching(call):
        def watched(*arguments, **more):
            result = call(*arguments, **more)
            paths = [store.folder, *store.folder.rglob("*")] if store.folder.exists() else []
            seen.update(mode(path) for path in paths)
            return result

        return watched

    for name in ("open", "write", "fchmod", "replace", "mkdir", "chmod", "rename"):
        monkeypatch.setattr(os, name, watching(getattr(os, name)))
    before = os.umask(umask)
    try:
        first = store.write("a.json", body("1"), None)
        store.write("a.json", body("2"), first.revision)
    finally:
        os.umask(before)
    assert seen
    assert all(each & 0o077 == 0 for each in seen), [oct(each) for each in seen]
    assert mode(store.folder / "a.json") == 0o600
    assert mode(store.folder) == 0o700


def test_a_file_that_others_could_read_is_closed_by_a_write(tmp_path):
    (tmp_path / "a.json").write_bytes(body("1"))
    (tmp_path / "a.json").chmod(0o644)
    FileStore(tmp_path).write("a.json", body("2"), revision_of(body("1")))
    assert mode(tmp_path / "a.json") == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_root_leaves_a_file_to_its_owner(tmp_path):
    (tmp_path / "a.json").write_bytes(body("1"))
    os.chown(tmp_path / "a.json", 12345, 12345)
    FileStore(tmp_path).write("a.json", body("2"), revision_of(body("1")))
    assert (tmp_path / "a.json").stat().st_uid == 12345


def test_no_repr_and_no_exception_shows_a_content(store):
    first = store.write("a.json", body(), None)
    shown = [repr(first)]
    with pytest.raises(Conflict) as caught:
        store.write("a.json", body(), "nonsense")
    shown += [repr(caught.value), str(caught.value), repr(caught.value.current)]
    (store.folder / "half.json").write_bytes(body()[:-1])
    with pytest.raises(ValueError, match="no JSON") as refused:
        store.write("b.json", body()[:-1], None)
    shown += [repr(refused.value), repr(refused.value.__context__)]
    assert not [text for text in shown if CANARY in text]


# --- what can go wrong ----------------------------------------------------------------------------------------------


TROUBLES = {
    errno.ENOSPC: "make room", errno.EDQUOT: "make room", errno.EROFS: "auth-dir", errno.EACCES: "chown",
    errno.EPERM: "chown", errno.EIO: "nput/output error", errno.EBUSY: "mount its folder",
}  # fmt: skip


@pytest.mark.parametrize("number", TROUBLES)
@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_trouble_with_the_disk_says_what_to_do_and_changes_nothing(store, monkeypatch, number, call):
    first = store.write("a.json", body("1"), None)

    def failing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, failing)
        with pytest.raises(Unavailable, match=TROUBLES[number]):
            store.write("a.json", body("2"), first.revision)
    assert store.read("a.json") == first
    assert not (store.folder / TEMPORARY).exists()
    store.write("a.json", body("2"), first.revision)


def test_a_system_that_writes_in_small_pieces_writes_all_of_them(store, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    written = store.write("a.json", body(), None)
    assert store.read("a.json") == written


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "auth").touch()
    with pytest.raises(Unavailable, match="not a folder"):
        FileStore(tmp_path / "auth").write("a.json", body(), None)
    with pytest.raises(Unavailable, match="not a folder"):
        FileStore(tmp_path / "auth").names()


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(Unavailable, match="it is a folder"):
        FileStore(tmp_path).write("a.json", body(), None)
    assert list(tmp_path.glob(".*.tmp")) == []


def test_a_name_too_long_is_told(tmp_path):
    with pytest.raises(Unavailable, match="too long"):
        FileStore(tmp_path).write("x" * 300 + ".json", body(), None)
    with FileStore(tmp_path).locked("x" * 250 + ".json"):
        pass


def test_an_unknown_trouble_is_told_in_the_systems_words(tmp_path):
    with pytest.raises(Unavailable, match=r"cannot read .*: the system refused"), explained("read", tmp_path):
        raise OSError


def test_files_that_may_not_be_read_do_not_hide_the_others(tmp_path, monkeypatch):
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(body())
    real = os.open

    def closed(path, *arguments, **more):
        if str(path).endswith("a.json"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", closed)
    store = FileStore(tmp_path)
    assert (store.names(), store.left_out()) == (["b.json"], ["a.json"])
    with pytest.raises(Unavailable, match="chown"):
        store.read("a.json")


def test_a_lock_file_that_was_removed_is_made_again(tmp_path):
    store = FileStore(tmp_path, patience=0.0)
    with store.locked("a.json"):
        for path in (tmp_path / ".cliproxy" / "locks").iterdir():
            path.unlink()
        with store.locked("a.json"):  # nobody can hold on to a name that is no longer there
            assert len(list((tmp_path / ".cliproxy" / "locks").iterdir())) == 1


# --- other processes ------------------------------------------------------------------------------------------------


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that has `store`, and says and hears lines."""
    head = "import sys; from pathlib import Path; from tests.credentials.crashes import *; "
    head += "store = FileStore(Path(sys.argv[1]), patience=30.0)\n"
    command = [sys.executable, "-c", head + code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_lock_keeps_out_other_processes_and_dies_with_its_holder(tmp_path):
    with python("with store.locked('a.json'): print('held', flush=True); sys.stdin.read()", tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        store = FileStore(tmp_path, patience=0.05)
        with pytest.raises(Unavailable, match=r"a\.json has been in use by another process for 0\.05 s"):
            store.locked("a.json").__enter__()
        with store.locked("other.json"):
            pass
        first = store.write("a.json", body("1"), None)  # what is held is the right to refresh, not the file
        store.write("a.json", body("2"), first.revision)
        holder.kill()
        holder.wait()
        with store.locked("a.json"):
            pass


def test_threads_hold_each_other_off(tmp_path):
    store, inside, most = FileStore(tmp_path, patience=30.0), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with store.locked("a.json"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@pytest.mark.parametrize("lock", ["", "with store.locked(NAME): "])
def test_two_processes_lose_no_update(tmp_path, lock):
    code = f"for _ in range(60):\n    {lock}count_up(store)"
    writers = [python(code, tmp_path) for _ in range(2)]
    for _ in range(60):
        crashes.count_up(FileStore(tmp_path, patience=30.0))
    for writer in writers:
        with writer:
            assert writer.wait() == 0
    assert crashes.count_of(FileStore(tmp_path).read(crashes.NAME)) == 180


@pytest.mark.parametrize("part", crashes.PARTS)
def test_whoever_is_killed_at_whatever_moment_loses_nothing(part):
    """A few seconds of it; for longer see tests/credentials/crashes.py."""
    command = [sys.executable, "-m", "tests.credentials.crashes", "--seconds", "2.5", "--part", part]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    killed = json.loads(done.stdout)["killed"]
    assert min(killed.values()) >= 10, killed


# --- many -----------------------------------------------------------------------------------------------------------


def test_an_environments_store_has_its_keys(tmp_path):
    store = open_store(tmp_path / "auth", {}, tmp_path / "home")
    assert not (tmp_path / "home").exists()
    store.write("a.json", body(), None)
    assert store.encrypted
    assert KeyFile(tmp_path / "home" / ".config" / "cliproxy" / "key").load()
    plain = open_store(tmp_path / "home", {}, tmp_path / "home")
    plain.write("a.json", body(), None)
    assert not plain.encrypted
