"""Orders about rests, from one process to others; and what a person does to files."""

import json
from pathlib import Path

import pytest

from credentials import orders
from credentials.account import BadFile
from credentials.file_store import FileStore
from credentials.files import HIDDEN
from credentials.keeping import put_away, set_disabled
from credentials.store import Conflict, Unavailable
from tests.credentials.memory_store import MemoryStore
from tests.credentials.test_pool import key, pool_of

NOW = 1000.0
BODY = b'{"type":"claude", "access_token": "at",\n "own": [1.50, {"a": null}]}'


def states(pool):
    return {row.id: (row.state, row.until) for row in pool.states(NOW) if not row.model}


def test_orders_are_followed_in_their_order(tmp_path: Path):
    pool = pool_of(key("a"), key("b"))
    orders.give(tmp_path, [orders.cool("a", NOW + 60, NOW), orders.cool("b", NOW + 90, NOW)], NOW)
    orders.give(tmp_path, [orders.clear("a", NOW + 1), orders.cool("nobody", NOW + 60, NOW)], NOW)
    found = orders.read(tmp_path)
    assert len({order.id for order in found}) == 4
    assert orders.follow(pool, found, NOW) == 3
    assert states(pool) == {"a": ("ready", 0.0), "b": ("cooling", NOW + 90)}


def test_one_model_may_be_meant(tmp_path: Path):
    pool = pool_of(key("a"))
    assert orders.follow(pool, [orders.cool("a", NOW + 60, NOW, "big")], NOW) == 1
    assert states(pool)["a"][0] == "ready"
    assert [row.model for row in pool.states(NOW) if row.state == "cooling"] == ["big"]
    orders.follow(pool, [orders.clear("a", NOW, "big")], NOW)
    assert [row.model for row in pool.states(NOW) if row.state == "cooling"] == []


def test_a_rest_that_is_over_is_not_begun():
    pool = pool_of(key("a"))
    assert orders.follow(pool, [orders.cool("a", NOW - 1, NOW - 60)], NOW) == 0
    assert states(pool)["a"] == ("ready", 0.0)


def test_old_orders_are_left_out_when_one_is_given(tmp_path: Path):
    orders.give(tmp_path, [orders.clear("a", NOW), orders.cool("b", NOW + 10 * orders.KEPT, NOW)], NOW)
    later = NOW + orders.KEPT + 1
    orders.give(tmp_path, [orders.clear("c", later)], later)
    assert [order.of for order in orders.read(tmp_path)] == ["b", "c"]


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path):
    with pytest.raises(Unavailable, match="log in first"):
        orders.give(tmp_path / "none", [orders.clear("a", NOW)], NOW)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[",
        "[]",
        '{"orders": 3}',
        json.dumps(
            {"orders": [1, {"do": "eat"}, {"do": "cool", "id": "x", "of": "", "model": "", "at": 1, "until": 2}]}
        ),
        json.dumps({"orders": [{"do": "cool", "id": "x", "of": "a", "model": "", "at": "1", "until": 2}]}),
    ],
)
def test_what_is_no_order_is_left_out(tmp_path: Path, content: str):
    (tmp_path / HIDDEN).mkdir()
    (tmp_path / HIDDEN / orders.FILE).write_text(content)
    assert orders.read(tmp_path) == []


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_file_is_switched_off_and_every_other_byte_stays():
    store = MemoryStore({"a.json": BODY})
    assert set_disabled(store, "a.json", True) is not None
    off = store.files["a.json"]
    assert off.startswith(BODY.rstrip(b"}"))
    assert json.loads(off)["disabled"] is True
    assert set_disabled(store, "a.json", True) is None
    assert set_disabled(store, "a.json", False) is not None
    assert store.files["a.json"] == off.replace(b"true", b"false")


def test_what_says_nothing_is_enabled_already():
    store = MemoryStore({"a.json": BODY})
    assert set_disabled(store, "a.json", False) is None
    assert store.files["a.json"] == BODY


def test_a_token_that_is_renewed_meanwhile_stays():
    class Renewing(MemoryStore):
        renewals = 2

        def write(self, name, content, expected):
            if self.renewals:
                self.renewals -= 1
                self.files[name] = BODY.replace(b'"at"', b'"newer-%d"' % self.renewals)
                raise Conflict(name, None)
            return super().write(name, content, expected)

    store = Renewing({"a.json": BODY})
    set_disabled(store, "a.json", True)
    assert json.loads(store.files["a.json"]) == json.loads(BODY) | {"access_token": "newer-0", "disabled": True}


def test_no_account_and_no_file_are_told():
    with pytest.raises(BadFile):
        set_disabled(MemoryStore({"a.json": b"{}"}), "a.json", True)
    with pytest.raises(Unavailable, match="not there any more"):
        set_disabled(MemoryStore(), "a.json", True)


def test_what_is_put_away_comes_back_under_its_first_name(tmp_path: Path):
    store = FileStore(tmp_path)
    for name in ("a[1].json", "a[1].json", "b.json"):
        (tmp_path / name).write_bytes(BODY)
        away = put_away(store, name)
        assert away.read_bytes() == BODY
        assert store.names() == []
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == [
        "a[1].json.removed", "a[1].json.removed-2", "b.json.removed",
    ]  # fmt: skip
    away.rename(tmp_path / "b.json")
    assert store.names() == ["b.json"]
    with pytest.raises(Unavailable, match="not there"):
        put_away(store, "none.json")


def test_of_a_link_the_link_is_put_away(tmp_path: Path):
    real = tmp_path / "elsewhere"
    real.write_bytes(BODY)
    folder = tmp_path / "auth"
    folder.mkdir()
    (folder / "a.json").symlink_to(real)
    assert put_away(FileStore(folder), "a.json").is_symlink()
    assert real.read_bytes() == BODY
