"""One renewal for everybody, and no refresh token lost: races, crashes, full disks, other programs."""

import asyncio
import errno
import json
import logging
import os
import sys
import traceback

import pytest

from credentials.account import Tokens, read_account, write_time
from credentials.due import secret_of
from credentials.halts import FAILURE_PAUSE, SHORTEST_PAUSE, UNMOVED_PAUSE, Dead, Later
from credentials.model import Secret
from credentials.oauth.flow import Failed
from credentials.refresh import Refresher
from tests.credentials import torture
from tests.credentials.refreshing import Driver, steps_of
from tests.credentials.token_server import TokenServer
from tests.credentials.tried_store import TriedStore

NAME = "kimi-1.json"


class Clock:
    """Unix seconds that stand still."""

    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


class House:
    """A folder with a log-in, the server that gave it, and refreshers over both."""

    def __init__(self, folder, server, clock):
        self.folder, self.server, self.clock = folder, server, clock
        self.store = TriedStore(folder)
        self.told = []
        self.driver = Driver()
        self.made = []

    def file(self, name=NAME, token="ana", number=0, **more):
        body = {
            "type": "kimi",
            "access_token": f"at-{token}-{number}",
            "refresh_token": f"rt-{token}-{number}",
            "expired": write_time(self.clock.now - 60),
            "prefix": "mine",
        }
        (self.folder / name).write_text(json.dumps(body | more))

    def body(self, name=NAME):
        return json.loads((self.folder / name).read_bytes())

    def refresher(self, drive=None):
        made = Refresher(self.store, self.steps, drive or self.driver, self.clock, tell=self.told.append)
        self.made.append(made)
        return made

    async def close(self):
        self.store.full = False
        for refresher in self.made:
            await refresher.close()

    def steps(self, account):
        return steps_of(self.server.url, self.clock)(account)


@pytest.fixture
async def house(tmp_path):
    async with TokenServer() as server:
        server.add("ana")
        made = House(tmp_path, server, Clock())
        made.file()
        yield made
        await made.close()


def old(number=0):
    return Secret(f"at-ana-{number}")


# --- one for all ----------------------------------------------------------------------------------------------------


async def test_many_callers_one_renewal(house):
    refresher = house.refresher()
    got = await asyncio.gather(*(refresher.refreshed(NAME, old()) for _ in range(50)))
    assert {secret_of(account) for account in got} == {Secret("at-ana-1")}
    assert house.server.asked == ["rt-ana-0"]
    body = house.body()
    assert (body["access_token"], body["refresh_token"], body["prefix"]) == ("at-ana-1", "rt-ana-1", "mine")
    assert not refresher.busy(NAME)


async def test_many_callers_in_two_processes_one_renewal(house):
    arguments = ("callers", str(house.folder), house.server.url, NAME, "50", "at-ana-0")
    house.server.delay = 0.1
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.credentials.refreshing", *arguments, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = [(await process.communicate())[0].decode().split() for process in processes]
    assert said == [["at-ana-1"], ["at-ana-1"]]
    assert house.server.asked == ["rt-ana-0"]


async def test_what_is_newer_on_the_disk_is_taken(house):
    house.file(number=7, expired=write_time(house.clock.now + 600))
    account = await house.refresher().refreshed(NAME, old())
    assert account.access == Secret("at-ana-7")
    assert house.server.asked == []


async def test_what_is_newer_but_over_is_renewed(house):
    assert (await house.refresher().refreshed(NAME, Secret("at-ana-before"))).access == Secret("at-ana-1")


async def test_who_comes_in_the_middle_with_the_newest_token_gets_a_newer_one(house):
    """A flight for an older token brings what this caller has already."""
    house.file(expired=write_time(house.clock.now + 600))
    refresher = house.refresher()
    first = asyncio.ensure_future(refresher.refreshed(NAME, Secret("at-ana-before")))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(refresher.refreshed(NAME, old()))
    assert (await first).access == old()
    assert (await second).access == Secret("at-ana-1")


async def test_a_waiter_that_leaves_does_not_stop_it(house):
    refresher = house.refresher()
    leaves, stays = (asyncio.ensure_future(refresher.refreshed(NAME, old())) for _ in range(2))
    await asyncio.sleep(0)
    leaves.cancel()
    assert (await stays).access == Secret("at-ana-1")
    assert leaves.cancelled()


async def test_patience_ends_and_the_renewal_goes_on(house):
    gate = asyncio.Event()

    async def slow(steps, *, proxy=None):
        await gate.wait()
        return await house.driver(steps)

    refresher = house.refresher(slow)
    with pytest.raises(Later):
        await refresher.refreshed(NAME, old(), patience=0.01)
    assert refresher.busy(NAME)
    gate.set()
    await refresher.close()
    assert house.body()["refresh_token"] == "rt-ana-1"


async def test_one_does_not_hold_up_another(house):
    house.server.add("ben")
    house.file("kimi-2.json", "ben")
    gate = asyncio.Event()

    def refresh(account):
        return account, steps_of(house.server.url, house.clock)(account)

    async def ana_hangs(found, *, proxy=None):
        account, steps = found
        if account.name == NAME:
            await gate.wait()
        return await house.driver(steps)

    refresher = Refresher(house.store, refresh, ana_hangs, house.clock)
    house.made.append(refresher)
    hangs = asyncio.ensure_future(refresher.refreshed(NAME, old()))
    assert (await refresher.refreshed("kimi-2.json", Secret("at-ben-0"))).access == Secret("at-ben-1")
    assert not hangs.done()
    gate.set()
    await hangs


async def test_copies_of_a_log_in_are_renewed_together(house):
    house.file("a-copy.json", prefix="other")
    house.file("z-copy.json")  # the same content
    refresher = house.refresher()
    names = (NAME, "a-copy.json", "z-copy.json")
    got = await asyncio.gather(*(refresher.refreshed(name, old()) for name in names))
    assert {account.access for account in got} == {Secret("at-ana-1")}
    assert house.server.asked == ["rt-ana-0"]
    assert [house.body(name)["refresh_token"] for name in names] == ["rt-ana-1"] * 3
    assert [account.body["prefix"] for account in got] == ["mine", "other", "mine"]


# --- what others write ----------------------------------------------------------------------------------------------


async def test_what_others_write_meanwhile_stays(house):
    """Another setting, at the moment of our write: the tokens go into what is there by then."""

    def someone(name):
        house.store.before_write = lambda name: None
        house.file(note="by hand")

    house.store.before_write = someone
    await house.refresher().refreshed(NAME, old())
    assert (house.body()["note"], house.body()["refresh_token"]) == ("by hand", "rt-ana-1")


async def test_a_new_log_in_made_meanwhile_wins(house):
    def someone(name):
        house.store.before_write = lambda name: None
        house.file(token="new", last_refresh=write_time(house.clock.now), expired=write_time(house.clock.now + 900))

    house.store.before_write = someone
    account = await house.refresher().refreshed(NAME, old())
    assert (house.body()["refresh_token"], account.access) == ("rt-new-0", Secret("at-new-0"))


async def test_a_file_put_back_to_a_spent_token_is_mended(house):
    refresher = house.refresher()
    await refresher.refreshed(NAME, old())
    house.file(note="an older state, with another setting")
    account = await refresher.refreshed(NAME, old())
    assert account.access == Secret("at-ana-1")
    assert house.server.asked == ["rt-ana-0"]
    assert (house.body()["refresh_token"], house.body()["note"][:8]) == ("rt-ana-1", "an older")
    assert NAME in house.told[0]


async def test_a_file_that_goes_meanwhile_is_not_brought_back(house):
    house.store.before_write = lambda name: (house.folder / name).unlink(missing_ok=True)
    assert (await house.refresher().refreshed(NAME, old())).access == Secret("at-ana-1")
    assert not (house.folder / NAME).exists()
    with pytest.raises(Later, match="not there any more"):  # it may come back: on its way from one place to another
        await house.refresher().refreshed(NAME, old(1))


async def test_invalid_grant_and_somebody_else_was_faster(house):
    """A program that knows no locks has spent the token and written its successor."""
    house.file("other.json")
    other = house.refresher()

    async def late(steps, *, proxy=None):
        if house.body()["refresh_token"] == "rt-ana-0":
            await house.driver(
                steps_of(house.server.url, house.clock)(read_account("x.json", (house.folder / NAME).read_bytes()))
            )
            house.server.log_ins["ana"].alive = True
            house.file(number=1)
            house.server.log_ins["ana"].before = ""
            raise Failed("refused: invalid_grant", dead=True, code="invalid_grant")
        return await house.driver(steps)

    del other
    (house.folder / "other.json").unlink()
    account = await house.refresher(late).refreshed(NAME, old())
    assert account.access == Secret("at-ana-2")
    assert house.body()["refresh_token"] == "rt-ana-2"
    assert house.server.asked == ["rt-ana-0", "rt-ana-1"]


async def test_a_file_that_is_half_written_is_no_log_in_that_has_ended(house):
    whole = (house.folder / NAME).read_bytes()
    (house.folder / NAME).write_bytes(whole[:40])
    refresher = house.refresher()
    with pytest.raises(Later, match="half written"):
        await refresher.refreshed(NAME, old())
    (house.folder / NAME).write_bytes(whole)
    assert (await refresher.refreshed(NAME, old())).access == Secret("at-ana-1")
    assert house.server.asked == ["rt-ana-0"]


@pytest.mark.parametrize("broken", [b"", b'{"type": "kimi", "acc'])
async def test_a_file_that_is_broken_while_we_ask_gets_the_tokens_whole(house, broken):
    """Another program has died in the middle of its write: what it left is kept aside."""

    def someone(name):
        house.store.before_write = lambda name: None
        (house.folder / NAME).write_bytes(broken)

    house.store.before_write = someone
    refresher = house.refresher()
    account = await refresher.refreshed(NAME, old())
    assert account.access == Secret("at-ana-1")
    assert "NOT SAVED" in house.told[0]
    assert "being written" in house.told[0]
    assert (house.folder / NAME).read_bytes() == broken
    assert (await refresher.refreshed(NAME, old())).access == Secret("at-ana-1")  # from memory
    os.utime(house.folder / NAME, (1, 1))  # at rest
    await refresher.save_late()
    assert (house.body()["refresh_token"], house.body()["prefix"]) == ("rt-ana-1", "mine")
    assert [path.read_bytes() for path in house.folder.glob("*.broken")] == ([broken] if broken else [])


async def test_a_spent_token_with_a_time_of_tomorrow_is_still_spent(house):
    """A program whose clock is ahead has put back an older state."""
    refresher = house.refresher()
    await refresher.refreshed(NAME, old())
    house.file(number=0, last_refresh=write_time(house.clock.now + 86400), expired=write_time(house.clock.now + 90000))
    account = await refresher.refreshed(NAME, old())
    assert account.access == Secret("at-ana-1")
    assert house.body()["refresh_token"] == "rt-ana-1"

    def someone(name):
        house.store.before_write = lambda name: None
        house.file(last_refresh=write_time(house.clock.now + 86400), expired=write_time(house.clock.now + 90000))

    house.store.before_write = someone
    assert (await refresher.refreshed(NAME, old(1))).access == Secret("at-ana-2")
    assert house.body()["refresh_token"] == "rt-ana-2"


async def test_two_processes_with_clocks_a_day_apart(house):
    """Neither loses a token, nor keeps the other from one; the one ahead finds what the other wrote over, and asks."""
    ahead = Clock(house.clock.now + 86400)
    one = house.refresher()
    two = Refresher(TriedStore(house.folder), house.steps, house.driver, ahead, tell=house.told.append)
    house.made.append(two)
    used = old()
    for _ in range(3):
        for refresher, clock in ((two, ahead), (one, house.clock)):
            used = secret_of(await refresher.refreshed(NAME, used))
            clock.now += UNMOVED_PAUSE
    assert house.server.log_ins["ana"].alive
    assert house.body()["refresh_token"] == house.server.log_ins["ana"].current
    assert house.told == []


async def test_a_clock_that_is_set_back_does_not_hold_a_log_in_up(house):
    house.server.refuse = 429, {}, {"error": "rate_limited"}
    refresher = house.refresher()
    with pytest.raises(Later):
        await refresher.refreshed(NAME, old())
    house.server.refuse = None
    house.clock.now -= 86400
    assert (await refresher.refreshed(NAME, Secret("at-ana-0"))).access == Secret("at-ana-1")


# --- places where nothing can be written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "advice"),
    [(errno.ENOLCK, "no locks"), (errno.EOPNOTSUPP, "no locks"), (errno.EROFS, "read-only"), (errno.EACCES, "chown")],
)
async def test_where_nothing_can_be_kept_nothing_is_spent(house, monkeypatch, code, advice):
    """A network file system without locks, a folder that is read-only: the person hears why, the token stays good."""

    def refuses(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("credentials.files.fcntl.flock", refuses)
    with pytest.raises(Later, match=advice):
        await house.refresher().refreshed(NAME, old())
    assert house.server.asked == []
    monkeypatch.undo()
    assert (await house.refresher().refreshed(NAME, old())).access == Secret("at-ana-1")


async def test_a_disk_that_is_full_when_the_answer_is_here(house, monkeypatch):
    """As the system says it, in the middle of the write."""

    def full(descriptor, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    house.store.before_write = lambda name: monkeypatch.setattr("credentials.files.os.write", full)
    refresher = house.refresher()
    assert (await refresher.refreshed(NAME, old())).access == Secret("at-ana-1")
    assert house.body()["refresh_token"] == "rt-ana-0"
    assert "make room" in house.told[0]
    house.store.before_write = lambda name: None
    monkeypatch.undo()
    await refresher.save_late()
    assert house.body()["refresh_token"] == "rt-ana-1"
    assert {path.name for path in house.folder.iterdir()} == {NAME, ".cliproxy"}


# --- refusals -------------------------------------------------------------------------------------------------------


async def test_dead_until_the_file_changes(house):
    house.server.log_ins["ana"].alive = False
    refresher = house.refresher()
    for _ in range(3):
        with pytest.raises(Dead, match=r"scripts/login kimi"):
            await refresher.refreshed(NAME, old())
    house.clock.now += 1e9
    assert isinstance(refresher.halted(NAME), Dead)
    assert len(house.server.asked) == 1
    assert await refresher.look_again() == []
    house.server.add("new")
    house.file(token="new")
    assert await refresher.look_again() == [NAME]
    assert refresher.halted(NAME) is None
    assert (await refresher.refreshed(NAME, old())).access == Secret("at-new-1")


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({}, FAILURE_PAUSE),
        ({"retry-after": "1"}, SHORTEST_PAUSE),
        ({"retry-after": "40"}, 40.0),
        ({"retry-after": "9999"}, FAILURE_PAUSE),
    ],
)
async def test_a_refusal_is_not_repeated_at_once(house, headers, pause):
    house.server.refuse = 429, headers, {"error": "rate_limited"}
    refresher = house.refresher()
    for _ in range(2):
        with pytest.raises(Later) as caught:
            await refresher.refreshed(NAME, old())
        assert caught.value.retry_after == pause
    assert len(house.server.asked) == 1
    house.server.refuse = None
    house.clock.now += pause - 1
    with pytest.raises(Later) as caught:
        await refresher.refreshed(NAME, old())
    assert caught.value.retry_after == pytest.approx(1)
    house.clock.now += 1
    assert (await refresher.refreshed(NAME, old())).access == Secret("at-ana-1")


async def test_a_network_that_was_away_is_tried_soon(house):
    async def nobody(steps, *, proxy=None):
        raise Failed("unreachable", code="unreachable")

    refresher, pauses = house.refresher(nobody), []
    for _ in range(8):
        with pytest.raises(Later) as caught:
            await refresher.refreshed(NAME, old())
        pauses.append(caught.value.retry_after)
        house.clock.now += caught.value.retry_after
    assert pauses[:3] == [5, 10, 20]
    assert pauses[-1] == FAILURE_PAUSE


async def test_an_expiry_that_does_not_move(house):
    house.server.expires_in = -(10**9)
    refresher = house.refresher()
    await refresher.refreshed(NAME, old())
    with pytest.raises(Later):
        await refresher.refreshed(NAME, old(1))
    house.clock.now += UNMOVED_PAUSE
    assert (await refresher.refreshed(NAME, old(1))).access == Secret("at-ana-2")


async def test_nothing_to_renew_it_with(house):
    house.file(refresh_token="")
    with pytest.raises(Dead, match="scripts/login kimi"):
        await house.refresher().refreshed(NAME, old())
    assert house.server.asked == []


async def test_a_server_that_does_not_rotate(house):
    house.server.rotates = False
    refresher = house.refresher()
    for number in (1, 2):
        assert (await refresher.refreshed(NAME, old(number - 1))).access == Secret(f"at-ana-{number}")
    assert house.body()["refresh_token"] == "rt-ana-0"


async def test_minted_tokens_stay_in_memory(house):
    body = {"type": "vertex", "service_account": {"private_key": "PEM"}, "refresh_token": "rt-ana-0"}
    (house.folder / NAME).write_text(json.dumps(body))
    refresher = house.refresher()
    first = await refresher.refreshed(NAME, Secret(""))
    assert (await refresher.refreshed(NAME, Secret(""))).access == first.access == Secret("at-ana-1")
    assert house.body() == body


# --- what is asked after the tokens ---------------------------------------------------------------------------------


def keyed(house, answers):
    """A refresher that must fetch a key with the new tokens; each answer is a key, or what happens instead of one."""
    asked = []

    def after(account):
        def steps():
            yield from ()
            asked.append((account.access.reveal(), house.body()["refresh_token"]))
            said = answers.pop(0)
            if isinstance(said, str):
                return Tokens(account.access, more={"api_key": said})
            raise said

        return steps()

    refresher = Refresher(house.store, house.steps, house.driver, house.clock, after=after, tell=house.told.append)
    house.made.append(refresher)
    return refresher, asked


async def test_a_key_is_fetched_when_the_tokens_are_safe(house):
    refresher, asked = keyed(house, ["key-1"])
    account = await refresher.refreshed(NAME, old())
    assert asked == [("at-ana-1", "rt-ana-1")]  # on the disk by then
    assert (account.body["api_key"], house.body()["api_key"], house.body()["refresh_token"]) == (
        "key-1",
        "key-1",
        "rt-ana-1",
    )


@pytest.mark.parametrize("trouble", [Failed("no key now", retry_after=20.0), asyncio.CancelledError()])
async def test_a_key_that_does_not_come_costs_no_token(house, trouble):
    house.file(api_key="key-0")
    refresher, _ = keyed(house, [trouble, "key-2"])
    with pytest.raises(Later):
        await refresher.refreshed(NAME, old())
    assert (house.body()["refresh_token"], house.body()["api_key"]) == ("rt-ana-1", "key-0")
    house.clock.now += 20.0
    assert (await refresher.refreshed(NAME, old(1))).body["api_key"] == "key-2"
    assert house.server.log_ins["ana"].alive
    assert house.body()["refresh_token"] == "rt-ana-2"


async def test_a_key_that_comes_while_the_disk_is_full(house):
    refresher, _ = keyed(house, ["key-1"])
    house.store.full = True
    assert (await refresher.refreshed(NAME, old())).body["api_key"] == "key-1"
    house.store.full = False
    await refresher.save_late()
    assert (house.body()["api_key"], house.body()["refresh_token"]) == ("key-1", "rt-ana-1")


# --- full disks and crashes -----------------------------------------------------------------------------------------


async def test_a_full_disk_loses_nothing(house):
    refresher = house.refresher()
    house.store.full = True
    assert (await refresher.refreshed(NAME, old())).access == Secret("at-ana-1")
    assert "NOT SAVED" in house.told[0]
    assert house.body()["refresh_token"] == "rt-ana-0"
    assert (await refresher.refreshed(NAME, old())).access == Secret("at-ana-1")  # from memory
    assert (await refresher.refreshed(NAME, old(1))).access == Secret("at-ana-2")  # with the token in memory
    await refresher.save_late()
    assert house.body()["refresh_token"] == "rt-ana-0"
    house.store.full = False
    await refresher.save_late()
    assert (house.body()["refresh_token"], house.body()["prefix"]) == ("rt-ana-2", "mine")
    assert "saved now" in house.told[-1]
    assert house.server.log_ins["ana"].alive
    with house.store.locked(NAME):  # it is free again
        pass


async def test_nobody_else_spends_what_is_spent_while_the_disk_is_full(house):
    first, second = house.refresher(), house.refresher()
    house.store.full = True
    await first.refreshed(NAME, old())
    waits = asyncio.ensure_future(second.refreshed(NAME, old()))
    done, _ = await asyncio.wait({waits}, timeout=0.05)
    assert not done
    house.store.full = False
    await first.save_late()
    assert (await waits).access == Secret("at-ana-1")
    assert house.server.asked == ["rt-ana-0"]


@pytest.mark.parametrize("grace", [True, False])
async def test_a_crash_between_answer_and_write(house, grace):
    """The one window there is: with the vendor's grace the next attempt heals it, without it a person must log in."""
    house.server.grace = grace

    async def crashes(steps, *, proxy=None):
        await house.driver(steps)
        raise asyncio.CancelledError

    with pytest.raises(Later):
        await house.refresher(crashes).refreshed(NAME, old())
    assert house.body()["refresh_token"] == "rt-ana-0"
    after = house.refresher()
    if grace:
        assert (await after.refreshed(NAME, old())).access == Secret("at-ana-1")
    else:
        with pytest.raises(Dead, match="scripts/login kimi"):
            await after.refreshed(NAME, old())


@pytest.mark.parametrize("grace", [True, False])
async def test_random_kills_lose_no_rotating_token(tmp_path, grace):
    """Two processes renew without pause and are killed at any moment; scripts/torture does it for 1,000 rounds."""
    tally = await torture.renewals(tmp_path / "auth", 1, rounds=8, grace=grace)
    assert (tally.rounds, tally.window == 0 or not grace) == (8, True)
    assert tally.kills >= 8


async def test_torture_would_see_a_lost_token(tmp_path, monkeypatch):
    """A vendor that says something else than the files do, for each of the two kinds."""
    monkeypatch.setattr(torture, "_checked", lambda folder: "rt-ana0-of-old")
    for grace in (True, False):
        with pytest.raises(torture.Lost, match="rt-ana0-of-old"):
            await torture.renewals(tmp_path / "auth", 1, rounds=1, grace=grace)


# --- secrets --------------------------------------------------------------------------------------------------------


async def test_secrets_are_not_told(house, caplog):
    caplog.set_level(logging.DEBUG)

    async def breaks(steps, *, proxy=None):
        ask = next(steps)
        raise KeyError(f"{ask.form} {house.body()}")

    house.store.full = True
    found = []
    for drive in (breaks, None):
        refresher = house.refresher(drive)
        house.server.refuse = None if drive else (400, {}, {"error": "invalid_grant"})
        try:
            await refresher.refreshed(NAME, old())
        except (Dead, Later) as error:
            found.append("".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)))
    house.server.refuse = None
    await house.refresher().refreshed(NAME, Secret("at-ana-x"))
    assert len(found) == 2
    assert len(house.told) == 2
    for text in (*found, *house.told, caplog.text):
        assert "rt-ana" not in text
        assert "at-ana" not in text
