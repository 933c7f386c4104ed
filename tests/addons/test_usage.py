"""What exchanges leave behind: counts of the day, last errors, limits; in memory, in files, beside other processes."""

import json
from pathlib import Path

import pytest
from mitmproxy.test import taddons

from addons.exchanges import Attempt, Exchange, Tape
from addons.usage import Usage
from credentials.files import HIDDEN
from credentials.usage import Count, day_of
from credentials.usage_files import FOLDER, NOTES, notes_in
from tests.addons.scene import TWO_KEYS, Scene
from translators import model
from translators.model import Failure
from translators.pump import PumpBase

NOON = 1_795_262_400.0
CLAUDE = {"type": "claude", "access_token": "at-secret-0123456789", "refresh_token": "rt", "email": "ana@example.com"}
BODY = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}


class House:
    """Keys of a config, and an auth directory that may be there; the clock is a number."""

    def __init__(self, folder: Path | None = None) -> None:
        self.scene = Scene(TWO_KEYS)
        if folder is not None:
            self.scene.settings.auth_dir = _Folder(folder)  # type: ignore[assignment]
        self.now = NOON
        self.troubles: dict[str, str] = {}
        self.usage = Usage(self.scene.exchanges, self.scene.settings, lambda: self.troubles, lambda: self.now)
        self.first, self.second = (each.id for each in self.scene.settings.runtime.credentials)

    def exchange(self, *attempts: Attempt, used: model.Usage | None = None, path: str = "/v1/messages") -> Exchange:
        """An exchange that is over."""
        exchange = self.scene.open(path, BODY)
        exchange.attempts = list(attempts)
        exchange.pump = PumpBase()  # type: ignore[assignment]
        exchange.pump.usage = used  # type: ignore[union-attr]
        self.usage.response(exchange.flow)
        return exchange

    def attempt(self, credential: str, failure: Failure | None = None, verdict: str = "", **headers: str) -> Attempt:
        said = [(name.replace("_", "-"), value) for name, value in headers.items()]
        made = Attempt(1, "label", "claude", "claude", "opus", "http://a", self.now, [], b"", Tape(9), 200, said)
        made.ended, made.failure, made.verdict, made.credential = self.now, failure, verdict, credential
        return made


class _Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder


@pytest.fixture(autouse=True)
def _context():
    with taddons.context(loadcore=False) as context:
        context.options.update(listen_host="127.0.0.1", listen_port=8317)
        yield


SLOW = Failure(kind="quota", message="slow down,\n sk-secret-number-one", status=429)
USED = model.Usage(input=100, output=20, cache_read=60)


def test_each_attempt_counts_for_its_credential():
    house = House()
    house.exchange(house.attempt(house.first, SLOW, "quota"), house.attempt(house.second), used=USED)
    house.exchange(house.attempt(house.second), used=USED)
    assert house.usage.today() == {house.first: Count(1, 1), house.second: Count(2, 0, 200, 40, 120)}


def test_others_are_told_of_every_use():
    house, told = House(), []
    house.usage.on_use.append(told.append)
    house.exchange(house.attempt(house.first, SLOW, "quota"), house.attempt(house.second), used=USED)
    assert [(use.credential, use.failed, use.usage) for use in told] == [
        (house.first, True, None),
        (house.second, False, USED),
    ]
    assert told[0].at == NOON


def test_a_last_error_says_who_and_what_without_the_secret():
    house = House()
    house.exchange(house.attempt(house.first, SLOW, "quota"), house.attempt(house.second))
    note = house.usage.notes()[house.first]
    assert note.error is not None
    assert (note.error.by, note.error.status, note.error.at, note.error.model) == ("upstream", 429, NOON, "opus")
    assert note.error.text.startswith("slow down, ")
    assert "secret-number" not in note.error.text
    assert house.usage.notes()[house.second].error is None
    assert house.usage.notes()[house.second].answered == NOON


@pytest.mark.parametrize(("verdict", "failed"), [("request", 1), ("client", 0)])
def test_a_fault_of_the_request_is_none_of_the_credentials(verdict: str, failed: int):
    house = House()
    house.exchange(house.attempt(house.first, Failure(kind="invalid", message="no", status=400), verdict))
    assert house.usage.today()[house.first].failed == failed
    note = house.usage.notes().get(house.first)
    assert note is None or note.error is None


def test_limits_are_those_of_the_last_answer():
    house = House()
    for used in ("0.1", "0.9"):
        headers = {"Anthropic_Ratelimit_Unified_5h_Utilization": used}
        house.exchange(house.attempt(house.first, **headers))
    assert [window.used for window in house.usage.notes()[house.first].windows] == [0.9]


def test_counting_and_what_is_answered_here_are_no_uses():
    house = House()
    house.exchange(house.attempt(house.first), path="/v1/messages/count_tokens")
    house.exchange(house.attempt(""))
    assert house.usage.today() == {}


def test_counts_survive_and_add_up(tmp_path: Path):
    one, other = House(tmp_path), House(tmp_path)
    for house in (one, other, one):
        house.exchange(house.attempt(house.first), used=USED)
        house.usage.save()
        house.usage.save()
    assert one.usage.today() == other.usage.today() == {one.first: Count(3, 0, 300, 60, 180)}
    assert House(tmp_path).usage.today() == one.usage.today()
    kept = "".join(path.read_text() for path in (tmp_path / HIDDEN).rglob("*.json"))
    assert "sk-secret" not in kept


def test_a_day_ends_at_midnight(tmp_path: Path):
    house = House(tmp_path)
    house.exchange(house.attempt(house.first), used=USED)
    house.now += 86400
    house.exchange(house.attempt(house.first), used=USED)
    assert house.usage.today() == {house.first: Count(1, 0, 100, 20, 60)}
    house.usage.save()
    days = sorted(path.stem for path in (tmp_path / HIDDEN / FOLDER).iterdir())
    assert days == [day_of(NOON), day_of(NOON + 86400)]


def test_no_directory_is_made_and_nothing_is_lost(tmp_path: Path):
    house = House(tmp_path / "later")
    house.exchange(house.attempt(house.first), used=USED)
    house.usage.save()
    assert not (tmp_path / "later").exists()
    assert house.usage.today()[house.first].requests == 1
    (tmp_path / "later").mkdir()
    house.usage.save()
    assert House(tmp_path / "later").usage.today()[house.first].requests == 1


def test_what_cannot_be_written_is_told_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    house = House(tmp_path)
    (tmp_path / HIDDEN).write_text("in the way")
    for _ in range(2):
        house.exchange(house.attempt(house.first), used=USED)
        house.usage.save()
    assert caplog.text.count("not kept over a restart") == 1
    (tmp_path / HIDDEN).unlink()
    house.usage.save()
    assert House(tmp_path).usage.today()[house.first].requests == 2


def test_renewals_that_fail_are_last_errors(tmp_path: Path):
    house = House(tmp_path)
    house.troubles = {house.first: "the server is away"}
    house.usage.take_troubles()
    house.now += 60
    house.usage.take_troubles()
    error = house.usage.notes()[house.first].error
    assert error is not None
    assert (error.at, error.by, error.text) == (NOON, "cliproxy", "the server is away")
    house.usage.save()
    assert notes_in(tmp_path)[house.first].error == error
    assert json.loads((tmp_path / HIDDEN / NOTES).read_text())["version"] == 1


async def test_an_end_writes_what_is_left(tmp_path: Path):
    house = House(tmp_path)
    house.usage.running()
    house.exchange(house.attempt(house.first), used=USED)
    house.usage.done()
    assert House(tmp_path).usage.today()[house.first].requests == 1
