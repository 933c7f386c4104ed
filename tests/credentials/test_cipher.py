"""Credential files at rest: what is written, whom it can be read by, and folders that change their form."""

import json
import os
import shutil
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from credentials.account import BadFile, read_account
from credentials.cipher import Cipher, encrypted, kid_of
from credentials.cipher_keys import GivenKeys, Key, KeyFile
from credentials.file_store import FileStore, rotate
from credentials.store import Unavailable, revision_of

CANARY = "sk-canary-3f9a1c7e"
BODY = json.dumps({"type": "claude", "access_token": CANARY}).encode()
OLD, NEW, OTHER = Key.new(), Key.new(), Key.new()


def cipher_of(*keys: Key) -> Cipher:
    return Cipher(GivenKeys(" ".join(key.text() for key in keys)))


def kept(content: bytes) -> dict[str, object]:
    """The object that stands in a file."""
    body = json.loads(content)
    assert isinstance(body, dict)
    return body


def flipped(text: object) -> str:
    """Base64 with its first letter changed."""
    assert isinstance(text, str)
    return ("B" if text[0] == "A" else "A") + text[1:]


# --- one file -------------------------------------------------------------------------------------------------------


@given(some.binary(max_size=200), some.text(max_size=20).filter(lambda name: name.isprintable()))
def test_what_was_encrypted_is_decrypted(content, name):
    cipher = cipher_of(NEW)
    assert cipher.decrypt(name, kept(cipher.encrypt(name, content))) == content


def test_a_file_tells_what_it_is_and_nothing_else():
    file = cipher_of(NEW).encrypt("a.json", BODY)
    body = kept(file)
    assert encrypted(body)
    assert kid_of(body) == NEW.id
    assert list(body) == ["cliproxy", "v", "name", "kid", "n", "data"]
    assert CANARY.encode() not in file
    with pytest.raises(BadFile, match="no credential"):  # as other programs will say
        read_account("a.json", file)


def test_the_same_content_never_looks_the_same():
    cipher = cipher_of(NEW)
    assert cipher.encrypt("a.json", BODY) != cipher.encrypt("a.json", BODY)


def test_a_plain_file_is_not_taken_for_an_encrypted_one():
    assert not encrypted(json.loads(BODY))
    assert not encrypted(["cliproxy", "encrypted"])


def test_an_old_key_still_opens():
    file = kept(cipher_of(OLD).encrypt("a.json", BODY))
    assert cipher_of(NEW, OLD).decrypt("a.json", file) == BODY
    assert cipher_of(NEW, OLD).current() == NEW


REFUSED = {
    "another name": ({"name": "b.json"}, "encrypted as b.json: give it that name back"),
    "another key": ({"kid": OTHER.id}, f"a.json is encrypted with key {OTHER.id}, but CLIPROXY_KEY has {NEW.id}"),
    "no key id": ({"kid": None}, "give the right key"),
    "a newer form": ({"v": 2}, "newer cliproxy"),
    "no nonce": ({"n": None}, "damaged"),
    "a short nonce": ({"n": "AAAA"}, "damaged"),
    "no base64": ({"data": "!"}, "damaged"),
    "nothing in it": ({"data": ""}, "damaged"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_opened_says_why(why):
    change, message = REFUSED[why]
    cipher = cipher_of(NEW)
    with pytest.raises(Unavailable, match=message) as caught:
        cipher.decrypt("a.json", kept(cipher.encrypt("a.json", BODY)) | change)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("part", ["data", "n"])
def test_a_changed_file_is_damaged(part):
    cipher = cipher_of(NEW)
    body = kept(cipher.encrypt("a.json", BODY))
    with pytest.raises(Unavailable, match="damaged"):
        cipher.decrypt("a.json", body | {part: flipped(body[part])})


def test_files_cannot_change_places():
    cipher = cipher_of(NEW)
    body = kept(cipher.encrypt("a.json", BODY))
    with pytest.raises(Unavailable, match=r"encrypted as a\.json"):
        cipher.decrypt("b.json", body)
    with pytest.raises(Unavailable, match="damaged"):  # nor by changing what the file says of itself
        cipher.decrypt("b.json", body | {"name": "b.json"})


def test_what_another_program_adds_does_no_harm():
    cipher = cipher_of(NEW)
    body = {"disabled": False} | kept(cipher.encrypt("a.json", BODY))
    assert cipher.decrypt("a.json", body) == BODY


def test_a_key_that_was_made_meanwhile_is_found(tmp_path):
    source = KeyFile(tmp_path / "key")
    cipher = Cipher(source)
    with pytest.raises(Unavailable, match="no key to encrypt with"):
        cipher.current()
    source.add(OLD)
    file = kept(cipher.encrypt("a.json", BODY))
    source.add(NEW)
    other = kept(Cipher(source).encrypt("a.json", BODY))
    assert [cipher.decrypt("a.json", each) for each in (file, other)] == [BODY, BODY]
    assert cipher.reloaded() == NEW


# --- a folder -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path) -> Path:
    """An encrypted folder with two files."""
    store = FileStore(tmp_path / "auth", cipher_of(OLD))
    for name in ("a.json", "b.json"):
        store.write(name, BODY, None)
    return tmp_path / "auth"


def contents(store: FileStore) -> dict[str, bytes]:
    return {name: stored.content for name in store.names() if (stored := store.read(name))}


def raw(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}


def test_a_folder_that_we_make_is_encrypted(folder):
    store = FileStore(folder, cipher_of(OLD))
    assert store.encrypted
    assert store.kids() == {OLD.id}
    assert contents(store) == {"a.json": BODY, "b.json": BODY}
    stored = store.read("a.json")
    assert stored is not None
    assert stored.revision == revision_of(BODY)
    assert not any(CANARY.encode() in content for content in raw(folder).values())


def test_a_folder_that_is_there_stays_plain_until_asked(tmp_path):
    (tmp_path / "a.json").write_bytes(BODY)
    store = FileStore(tmp_path, cipher_of(NEW))
    store.write("b.json", BODY, None)
    assert raw(tmp_path) == {"a.json": BODY, "b.json": BODY}
    assert store.encrypt_all() == 2
    assert store.encrypt_all() == 0
    assert store.kids() == {NEW.id}
    store.write("c.json", BODY, None)
    assert store.kids() == {NEW.id}
    assert contents(store) == dict.fromkeys(("a.json", "b.json", "c.json"), BODY)


WRONG = {
    "none": (None, "no key was given"),
    "wrong": (OTHER, f"encrypted with key {OLD.id}, but CLIPROXY_KEY has {OTHER.id}"),
}


@pytest.mark.parametrize("which", WRONG)
def test_without_the_right_key_there_is_one_error_and_nothing_is_written(folder, which):
    key, message = WRONG[which]
    store = FileStore(folder, cipher_of(key) if key else None)
    before = raw(folder)
    revision = revision_of(BODY)
    newer = BODY.replace(b"claude", b"codex")
    for attempt in (
        store.names,
        store.encrypt_all,
        store.decrypt_all,
        lambda: store.read("a.json"),
        lambda: store.write("a.json", newer, revision),
        lambda: store.write("a.json", newer, None),
        lambda: store.write("new.json", newer, None),
        lambda: store.delete("a.json", revision),
    ):
        with pytest.raises(Unavailable, match=message) as caught:
            attempt()
        assert key is None or key.text() not in "".join(traceback.format_exception(caught.value))
    assert raw(folder) == before
    assert contents(FileStore(folder, cipher_of(OLD))) == {"a.json": BODY, "b.json": BODY}


def test_files_without_their_folders_mark_are_still_encrypted(folder, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.glob("*.json"):
        shutil.copy(path, copy)
    store = FileStore(copy, cipher_of(NEW, OLD))
    store.write("a.json", b'{"type":"newer"}', revision_of(BODY))
    store.write("new.json", BODY, None)
    assert store.kids() == {OLD.id}
    with pytest.raises(Unavailable, match="no key was given"):
        FileStore(copy).read("a.json")


def test_a_plain_file_in_an_encrypted_folder_is_encrypted_when_it_is_written(folder):
    (folder / "plain.json").write_bytes(BODY)
    store = FileStore(folder, cipher_of(OLD))
    stored = store.read("plain.json")
    assert stored is not None
    assert stored.content == BODY
    store.write("plain.json", BODY, stored.revision)
    assert store.kids() == {OLD.id}


def test_a_damaged_mark_is_told(folder):
    (folder / ".cliproxy" / "encrypted").write_text("{")
    with pytest.raises(Unavailable, match="damaged"):
        FileStore(folder, cipher_of(OLD)).write("a.json", b'{"type":"newer"}', revision_of(BODY))


def test_a_folder_becomes_plain_when_asked(folder):
    store = FileStore(folder, cipher_of(OLD))
    assert store.decrypt_all() == 2
    assert raw(folder) == {"a.json": BODY, "b.json": BODY}
    assert not store.encrypted
    assert store.decrypt_all() == 0
    assert FileStore(folder).read("a.json") == store.read("a.json")


def test_whoever_still_encrypts_stops_when_the_folder_becomes_plain(folder, monkeypatch):
    """A second process, of which decrypting knows nothing, writes in the middle of it."""
    store, second = FileStore(folder, cipher_of(OLD)), FileStore(folder, cipher_of(OLD))
    renew = store._renew

    def interrupted(name: str) -> bool:
        if name == "b.json":
            second.write("a.json", b'{"type":"newer"}', revision_of(BODY))
            second.write("c.json", BODY, None)
        return renew(name)

    monkeypatch.setattr(store, "_renew", interrupted)
    store.decrypt_all()
    assert raw(folder) == {"a.json": b'{"type":"newer"}', "b.json": BODY, "c.json": BODY}


def test_encrypting_wins_over_a_decrypting_that_it_overtakes(folder, monkeypatch):
    store, second = FileStore(folder, cipher_of(OLD)), FileStore(folder, cipher_of(OLD))
    renew = store._renew

    def overtaken(name: str) -> bool:
        if name == "b.json":
            second.encrypt_all()
        return renew(name)

    monkeypatch.setattr(store, "_renew", overtaken)
    store.decrypt_all()
    assert second.encrypted
    assert second.kids() == {OLD.id}


def test_a_folder_with_a_file_that_cannot_be_opened_is_not_begun(folder):
    (folder / "b.json").write_bytes(cipher_of(OTHER).encrypt("b.json", BODY))
    before = raw(folder)
    store = FileStore(folder, cipher_of(NEW, OLD))
    for attempt in (store.encrypt_all, store.decrypt_all):
        with pytest.raises(Unavailable, match=OTHER.id):
            attempt()
    assert raw(folder) == before


# --- rotation -------------------------------------------------------------------------------------------------------


def test_a_new_key_for_all_folders_of_a_source(tmp_path):
    source = KeyFile(tmp_path / "key")
    source.add(OLD)
    stores = [FileStore(tmp_path / name, Cipher(source)) for name in ("one", "two")]
    for store in stores:
        store.write("a.json", BODY, None)
    elsewhere = FileStore(tmp_path / "forgotten", Cipher(source))
    elsewhere.write("a.json", BODY, None)
    running = FileStore(tmp_path / "one", Cipher(source))
    assert contents(running) == {"a.json": BODY}
    key = rotate(stores, source)
    assert source.load() == [key, OLD]
    assert [store.kids() for store in stores] == [{key.id}, {key.id}]
    assert contents(running) == {"a.json": BODY}  # a process that was started before goes on
    running.write("b.json", BODY, None)
    assert running.kids() == {key.id}
    assert contents(FileStore(tmp_path / "forgotten", Cipher(source))) == {"a.json": BODY}


def test_a_rotation_that_was_broken_off_is_ended_with_its_key(tmp_path):
    source = KeyFile(tmp_path / "key")
    source.add(OLD)
    store = FileStore(tmp_path / "auth", Cipher(source))
    store.write("a.json", BODY, None)
    source.add(NEW)  # it got so far
    assert rotate([store], source) == NEW
    assert store.kids() == {NEW.id}
    assert rotate([store], source) not in {OLD, NEW}


def test_a_key_in_the_environment_is_rotated_by_a_person(folder):
    source = GivenKeys(OLD.text())
    with pytest.raises(Unavailable, match="set it to a new key, a blank and the old one"):
        rotate([FileStore(folder, Cipher(source))], source)
    assert FileStore(folder, cipher_of(NEW, OLD)).encrypt_all() == 2
    assert contents(FileStore(folder, cipher_of(NEW))) == {"a.json": BODY, "b.json": BODY}
    with pytest.raises(Unavailable, match=f"key {NEW.id}, but CLIPROXY_KEY has {OLD.id}"):
        FileStore(folder, cipher_of(OLD)).names()


def test_no_canary_in_any_exception(folder):
    """The whole chain, with what an exception carries beside its message."""
    (folder / "b.json").write_bytes((folder / "a.json").read_bytes())
    (folder / "half.json").write_bytes(BODY[:-1])
    os.utime(folder / "half.json")
    store, found = FileStore(folder, cipher_of(OLD)), 0
    for attempt in (
        lambda: store.read("b.json"),
        lambda: store.write("half.json", BODY, None),
        lambda: store.write("a.json", BODY[:-1], None),
        lambda: store.write("a.json", BODY, "nonsense"),
        lambda: read_account("half.json", BODY[:-1]),
    ):
        try:
            attempt()
        except Exception as error:
            found += 1
            link: BaseException | None = error
            while link is not None:
                assert CANARY not in repr(link) + str(link) + repr(vars(link)) + repr(getattr(link, "doc", ""))
                link = link.__cause__ or link.__context__
    assert found == 5
