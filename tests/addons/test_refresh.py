"""Tokens of log-ins: renewed ahead, before a request, and after a refusal; then the next credential."""

import asyncio
import json
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from addons import runtime
from addons.accounts import AuthDir
from addons.authorize import Authorize
from addons.exchanges import Exchange
from addons.refresh import AHEAD, Refresh, file_of
from credentials.account import Tokens, read_account, write_account, write_time
from credentials.due import expires_of, secret_of
from credentials.file_store import open_store
from credentials.model import Credential, Secret
from credentials.oauth.flow import Ask, Failed
from credentials.refresh import Refresher
from credentials.watch import Batch
from tests.addons.scene import Scene, scene
from tests.credentials.token_server import TokenServer
from tests.credentials.tried_store import TriedStore
from translators.model import Failure

ASK = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
REFUSED = Failure(kind="auth", message="invalid bearer token", status=401)
HOUR = 3600.0


class House:
    """Two log-ins of one provider, the second with the lower priority, and a token server made of a dictionary.

    answers: by refresh token, what the server says (an exception is raised); by default a new pair of tokens.
    gates: by refresh token, what an answer waits for.
    """

    def __init__(self, folder, here: Scene):
        self.here, self.store = here, TriedStore(folder)
        self.answers: dict[str, Exception] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.asked: list[str] = []
        self.refresh = Refresh(here.settings)
        self.refresher = Refresher(self.store, self.steps, self.drive, time.time)
        self.refresh.use(self.refresher, self.accounts)
        self.authorize = Authorize(here.exchanges, here.memory, self.refresh)

    def file(self, name, ends=HOUR, number=0, provider="claude", **more):
        body = {"type": provider, "access_token": f"at-{name}-{number}", "refresh_token": f"rt-{name}-{number}"}
        account = read_account(f"{name}.json", b'{"type": "claude"}')
        account = replace(account, body=body | {"expired": write_time(time.time() + ends)} | more)
        (self.store.folder / account.name).write_bytes(write_account(account))
        return account

    def accounts(self):
        stored = (self.store.read(name) for name in self.store.names())
        return [read_account(each.name, each.content) for each in stored if each is not None]

    def load(self):
        """Give the pool the credentials of all files."""
        runtime = self.here.settings.runtime
        credentials = tuple(
            Credential(
                id=account.name,
                provider="claude",
                label=account.name,
                secret=secret_of(account),
                kind="oauth",
                base_url="http://upstream.test",
                priority=-place,
                expires=expires_of(account),
                renewable=bool(account.refresh),
            )
            for place, account in enumerate(self.accounts())
        )
        runtime.pool.replace(credentials)
        self.here.settings.runtime = replace(runtime, credentials=credentials, demo=False)

    def steps(self, account):
        answer = yield Ask("POST", "http://token.test", form={"refresh_token": account.refresh.reveal()})
        return answer

    async def drive(self, steps, *, proxy=None):
        spent = next(steps).form["refresh_token"]
        self.asked.append(spent)
        if spent in self.gates:
            await self.gates[spent].wait()
        if spent in self.answers:
            raise self.answers[spent]
        _, name, number = spent.split("-")
        new = f"{name}-{int(number) + 1}"
        return Tokens(Secret(f"at-{new}"), Secret(f"rt-{new}"), time.time() + 8 * HOUR)

    async def attempt(self, exchange: Exchange, failure: Failure | None = None) -> str:
        """One question of the engine's; gives the token that is sent."""
        if failure is not None:
            exchange.attempt.failure = failure
        exchange.wire = None
        await self.authorize.cliproxy_attempt(exchange.flow)
        return sent(exchange)

    def open(self) -> Exchange:
        return self.here.open("/v1/messages", ASK)

    def rows(self):
        return {row.id: row for row in self.here.settings.runtime.pool.states(time.time()) if not row.model}


def sent(exchange: Exchange) -> str:
    if exchange.wire is None:
        return ""
    said = " ".join(value.decode() for _, value in exchange.wire.headers)
    return next(word for word in said.split() if word.startswith("at-"))


@asynccontextmanager
async def house_of(folder, **files):
    """A House with files, each told by the seconds that its token still lives."""
    with scene() as here:
        made = House(folder, here)
        for name, ends in files.items():
            made.file(name, ends)
        made.load()
        yield made
        await made.refresh.settled()
        await made.refresh.done()


# --- before a request -----------------------------------------------------------------------------------------------


async def test_a_token_that_is_over_is_renewed_first(tmp_path):
    async with house_of(tmp_path, a=-5) as house:
        exchange = house.open()
        assert house.authorize.choose(exchange) is False  # it takes time
        assert await house.attempt(exchange) == "at-a-1"
        assert house.asked == ["rt-a-0"]
        assert len(exchange.attempts) == 1
        assert await house.attempt(house.open()) == "at-a-1"
        assert house.asked == ["rt-a-0"]


async def test_a_token_that_is_good_is_used_at_once(tmp_path):
    async with house_of(tmp_path, a=HOUR) as house:
        exchange = house.open()
        assert house.authorize.choose(exchange)
        assert sent(exchange) == "at-a-0"


async def test_what_another_process_renewed_is_taken(tmp_path):
    async with house_of(tmp_path, a=-5) as house:
        house.file("a", HOUR, number=4)
        assert await house.attempt(house.open()) == "at-a-4"
        assert house.asked == []


async def test_a_log_in_that_has_ended_is_passed_over_and_shown(tmp_path, caplog):
    async with house_of(tmp_path, a=-5, b=HOUR) as house:
        house.answers["rt-a-0"] = Failed("the log-in is no longer valid", dead=True, code="invalid_grant")
        assert await house.attempt(house.open()) == "at-b-0"
        assert await house.attempt(house.open()) == "at-b-0"
        assert house.asked == ["rt-a-0"]
        assert (house.rows()["a.json"].state, house.rows()["b.json"].state) == ("invalid", "ready")
        assert caplog.text.count("scripts/login claude") == 1


async def test_nobody_left_says_what_to_do(tmp_path):
    async with house_of(tmp_path, a=-5) as house:
        house.answers["rt-a-0"] = Failed("the log-in is no longer valid", dead=True, code="invalid_grant")
        exchange = house.open()
        await house.attempt(exchange)
        assert exchange.refusal is not None
        assert "scripts/login claude" in exchange.refusal.message


async def test_a_token_server_that_is_away(tmp_path):
    """The next credential serves; this one is tried again when the pause is over, by nobody before."""
    async with house_of(tmp_path, a=-5, b=HOUR) as house:
        house.answers["rt-a-0"] = Failed("out of order", retry_after=40)
        assert await house.attempt(house.open()) == "at-b-0"
        assert await house.attempt(house.open()) == "at-b-0"
        assert house.asked == ["rt-a-0"]
        assert house.rows()["a.json"].state != "invalid"


async def test_a_token_with_a_margin_still_serves_when_there_is_no_new_one(tmp_path):
    async with house_of(tmp_path, a=5) as house:
        house.answers["rt-a-0"] = Failed("out of order", retry_after=40)
        assert await house.attempt(house.open()) == "at-a-0"
        assert house.asked == ["rt-a-0"]


# --- after a 401 ----------------------------------------------------------------------------------------------------


async def test_a_refused_token_is_renewed_once_then_comes_the_next(tmp_path):
    async with house_of(tmp_path, a=HOUR, b=HOUR) as house:
        exchange = house.open()
        assert await house.attempt(exchange) == "at-a-0"
        assert await house.attempt(exchange, REFUSED) == "at-a-1"
        assert await house.attempt(exchange, REFUSED) == "at-b-0"
        assert await house.attempt(exchange, REFUSED) == "at-b-1"
        assert await house.attempt(exchange, REFUSED) == ""
        assert exchange.refusal == REFUSED
        assert [one.verdict for one in exchange.attempts] == ["unauthorized"] * 4
        assert house.asked == ["rt-a-0", "rt-b-0"]


async def test_a_refused_token_without_a_new_one(tmp_path):
    async with house_of(tmp_path, a=HOUR, b=HOUR) as house:
        house.answers["rt-a-0"] = Failed("ended", dead=True)
        exchange = house.open()
        await house.attempt(exchange)
        assert await house.attempt(exchange, REFUSED) == "at-b-0"
        assert house.rows()["a.json"].state == "invalid"


async def test_many_refused_requests_one_renewal(tmp_path):
    async with house_of(tmp_path, a=HOUR) as house:
        exchanges = [house.open() for _ in range(20)]
        for exchange in exchanges:
            await house.attempt(exchange)
        got = await asyncio.gather(*(house.attempt(exchange, REFUSED) for exchange in exchanges))
        assert set(got) == {"at-a-1"}
        assert house.asked == ["rt-a-0"]


async def test_one_renewal_does_not_hold_up_another(tmp_path):
    async with house_of(tmp_path, a=-5, b=-5) as house:
        house.gates["rt-a-0"] = asyncio.Event()
        waits = asyncio.ensure_future(house.attempt(house.open()))
        while not house.asked:
            await asyncio.sleep(0)
        house.here.settings.runtime.pool.cool("a.json", 60, time.time())
        assert await house.attempt(house.open()) == "at-b-1"
        assert not waits.done()
        house.gates["rt-a-0"].set()
        assert await waits == "at-a-1"


# --- ahead of time --------------------------------------------------------------------------------------------------


async def tick(house):
    await house.refresh.tick()
    await house.refresh.settled()


async def test_what_is_due_is_renewed_also_while_it_rests(tmp_path):
    async with house_of(tmp_path, a=3 * HOUR, b=5 * HOUR) as house:
        pool = house.here.settings.runtime.pool
        pool.cool("a.json", 600, time.time(), reason="quota")
        await tick(house)
        assert house.asked == ["rt-a-0"]
        assert pool.credential("a.json").secret == Secret("at-a-1")
        assert (house.rows()["a.json"].state, house.rows()["a.json"].reason) == ("cooling", "quota")
        await tick(house)
        assert house.asked == ["rt-a-0"]


async def test_who_is_left_alone(tmp_path):
    async with house_of(tmp_path) as house:
        house.file("off", -5, disabled=True)
        house.file("setup", -5, setup_token=True)
        house.file("key", -5, refresh_token="")
        house.file("lazy", -5, provider="gemini")
        house.load()
        await tick(house)
        assert house.asked == []


async def test_a_log_in_that_ends_ahead_of_time_serves_until_its_token_is_over(tmp_path, caplog):
    async with house_of(tmp_path, a=HOUR) as house:
        house.answers["rt-a-0"] = Failed("ended", dead=True)
        for _ in range(3):
            await tick(house)
        assert house.asked == ["rt-a-0"]
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        assert await house.attempt(house.open()) == "at-a-0"


async def test_a_new_log_in_ends_the_mark(tmp_path):
    async with house_of(tmp_path, a=-5) as house:
        house.answers["rt-a-0"] = Failed("ended", dead=True)
        await tick(house)
        assert house.rows()["a.json"].state == "invalid"
        house.file("a", HOUR * 8, number=5)
        await tick(house)
        assert await house.attempt(house.open()) == "at-a-5"
        assert house.rows()["a.json"].state == "ready"


async def test_not_more_than_sixteen_at_a_time(tmp_path):
    names = [f"n{number:02}" for number in range(20)]
    async with house_of(tmp_path, **dict.fromkeys(names, 60)) as house:
        house.gates = {f"rt-{name}-0": asyncio.Event() for name in names}
        await house.refresh.tick()
        while len(house.asked) < AHEAD:
            await asyncio.sleep(0)
        await house.refresh.tick()
        assert len(house.asked) == AHEAD
        for gate in house.gates.values():
            gate.set()
        await house.refresh.settled()
        await tick(house)
        assert len(house.asked) == len(names)


async def test_the_end_waits_for_what_is_under_way(tmp_path):
    async with house_of(tmp_path, a=60) as house:
        house.gates["rt-a-0"] = asyncio.Event()
        await house.refresh.tick()
        while not house.asked:
            await asyncio.sleep(0)
        ends = asyncio.ensure_future(house.refresh.done())
        await asyncio.sleep(0)
        house.gates["rt-a-0"].set()
        await ends
        assert b"rt-a-1" in (tmp_path / "a.json").read_bytes()


async def test_no_token_is_told(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    async with house_of(tmp_path, a=-5, b=-5) as house:
        house.answers["rt-a-0"] = Failed("ended", dead=True)
        house.answers["rt-b-0"] = Failed("out of order")
        exchange = house.open()
        await house.attempt(exchange)
        await tick(house)
        assert caplog.records
        assert exchange.refusal is not None
        for text in (caplog.text, exchange.refusal.message, repr(exchange.flow.metadata), repr(house.rows())):
            assert "rt-" not in text
            assert "at-" not in text.replace("that-", "")


def test_a_project_belongs_to_its_file():
    whole = Credential("g.json", "gemini-cli", "g", Secret("x"), kind="oauth")
    assert file_of(whole) == file_of(replace(whole, id="g.json::one", parent="g.json")) == "g.json"


@pytest.mark.parametrize("failure", [None, REFUSED])
async def test_without_accounts_nothing_is_renewed(tmp_path, failure):
    async with house_of(tmp_path, a=HOUR) as house:
        house.refresh.use(None, tuple)
        exchange = house.open()
        assert await house.attempt(exchange) == "at-a-0"
        if failure is not None:
            assert await house.attempt(exchange, failure) == ""
            assert exchange.refusal == failure
        await house.refresh.tick()
        assert house.asked == []


async def test_the_accounts_of_the_auth_directory_by_their_own_ways(tmp_path):
    """From the config to the disk, with nothing replaced but the vendor."""
    async with TokenServer() as server:
        server.add("ana")
        body = {
            "type": "kimi",
            "access_token": "at-ana-0",
            "refresh_token": "rt-ana-0",
            "device_id": "d",
            "note": "mine",
        }
        (tmp_path / "kimi-1.json").write_text(json.dumps(body | {"expired": write_time(time.time() + 60)}))
        with scene(f"oauth: {{kimi: {{urls: {{token: '{server.url}'}}}}}}") as here:
            config = here.settings.runtime.config
            changes = []
            auth_dir = AuthDir(tmp_path, open_store(tmp_path, {}, tmp_path), lambda: changes.append("taken up"))
            here.settings.auth_dir = auth_dir
            here.settings.runtime = runtime.make(config, None, None, {}, accounts=auth_dir.accounts)
            refresh = Refresh(here.settings)
            await refresh.tick()
            await refresh.settled()
            await refresh.done()
        assert changes == ["taken up"]
        stored = auth_dir.store.read("kimi-1.json")
        assert stored is not None
        assert auth_dir.accounts.revisions["kimi-1.json"] == stored.revision  # no news to whoever watches
        auth_dir.take(Batch([stored], []))
        assert changes == ["taken up"]
        written = json.loads((tmp_path / "kimi-1.json").read_bytes())
        assert (written["access_token"], written["refresh_token"], written["note"]) == ("at-ana-1", "rt-ana-1", "mine")
        assert server.asked == ["rt-ana-0"]
