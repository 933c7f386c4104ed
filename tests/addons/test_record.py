"""The one line that tells the story of a flow."""

from pathlib import Path
from typing import Any

import pytest
from mitmproxy.addons.dumper import Dumper
from mitmproxy.addons.save import Save
from mitmproxy.addons.script import ScriptLoader
from mitmproxy.flow import Error
from mitmproxy.http import Response
from mitmproxy.test import taddons
from mitmproxy.utils.emoji import emoji

from addons.exchanges import Attempt, Exchange, Tape
from addons.inspection.checking import UNDER_WAY, Verdict, check
from addons.inspection.plain import KEY, plain
from addons.inspection.story import MARKERS
from addons.marks import Marks
from addons.record import Record, tell
from addons.show import Show
from tests.addons.scene import scene
from translators.losses import Loss
from translators.model import Failure, Stop, Usage

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}


def attempt(number: int, label: str, status: int = 200, failure: Failure | None = None) -> Attempt:
    return Attempt(
        number, label, "p", "gemini", "m", "http://u", 1.0, [], b"", Tape(10), status, [], 10.4, 11.2, failure
    )


USAGE = Usage(input=1234, output=567, cache_read=1000, thinking=8)
SLOW = Failure(kind="rate_limit", message="slow")


def line(exchange: Exchange, verdict: Verdict = UNDER_WAY, usage: Usage | None = None, stop: str = "") -> str:
    """The line of an exchange that is over, and its sign."""
    said = Stop(reason=stop) if stop else None  # type: ignore[arg-type]  # one of its words
    exchange.flow.metadata[KEY] = plain(exchange, verdict, usage, said)
    exchange.flow.marked = ""
    tell(exchange.flow)
    return exchange.flow.comment


def test_a_story() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.flow.request.timestamp_start = 10.0
        exchange.attempts = [attempt(1, "alice", 429, SLOW), attempt(2, "bob")]
        exchange.ledger.losses = [Loss("$.a", "b"), Loss("$.c", "d")]
        assert line(exchange, usage=USAGE, stop="tool") == (
            "claude→gemini · m · alice 429 → bob · 0.4/1.2 s · "
            "1,234 (1,000 cached)→567 (8 thought) tok · tool · 2 drops"
        )
        assert exchange.flow.marked == ":arrows_counterclockwise:"
        exchange.attempts[1].model = "gemini-x"
        exchange.flow.marked = ":grapes:"
        tell(exchange.flow)
        assert exchange.flow.marked == ":grapes:"  # a person's own
        assert " · m→gemini-x · " in line(exchange)


def test_the_call_has_its_place_in_the_line() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages/count_tokens", {"model": "m", "messages": []})
        assert line(exchange).startswith("claude count tokens · m")


def test_a_refusal_and_a_connection_that_failed() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.refusal = Failure(kind="model", message="unknown", origin="cliproxy")
        assert line(exchange) == "claude · m · ✗ client: unknown"
        assert exchange.flow.marked == ":no_entry_sign:"
        exchange.refusal = Failure(kind="cooling", message="all rest", origin="cliproxy")
        assert line(exchange).endswith(" · ✗ cliproxy: all rest")
        assert exchange.flow.marked == ":no_entry:"
        exchange.flow.response = Response.make(429, b"", {"retry-after": "2400"})
        assert line(exchange).endswith(" · ✗ cliproxy: all rest, the first for 2,400 s more")
        exchange.refusal = None
        exchange.attempts = [attempt(1, "alice", 0, Failure(kind="upstream", message="cannot\nconnect"))]
        assert "alice upstream" in line(exchange)
        assert line(exchange).endswith("✗ upstream: cannot connect")
        assert exchange.flow.marked == ":x:"


def test_a_connection_is_not_cliproxys_fault() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        for code, told in (("connect", "alice unreachable"), ("closed", "alice broke off")):
            failure = Failure(kind="upstream", message="no peer", origin="cliproxy", code=code)
            exchange.attempts = [attempt(1, "alice", 0, failure)]
            assert f" · {told} · " in line(exchange)
            assert line(exchange).endswith("✗ upstream: no peer")
        late = Failure(kind="timeout", message="no byte in 9 s", origin="cliproxy")
        exchange.attempts = [attempt(1, "alice", 0, late)]
        assert line(exchange).endswith("✗ upstream: no byte in 9 s")


def test_a_client_that_left() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.attempts = [attempt(1, "alice")]
        exchange.flow.error = Error("Client disconnected.", 12.0)
        assert line(exchange).endswith(" · ✂ the client left")
        assert exchange.flow.marked == ":scissors:"


def test_the_signs_are_known_to_mitmproxy() -> None:
    assert set(MARKERS.values()) <= emoji.keys()
    assert len(set(MARKERS.values())) == len(MARKERS)


def test_losses_that_change_the_answer_are_marked() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.attempts = [attempt(1, "alice")]
        exchange.ledger.lose("$.a", "b")
        line(exchange)
        assert exchange.flow.marked == ""
        exchange.ledger.lose("$.c", "d", semantic=True)
        line(exchange)
        assert exchange.flow.marked == ":fallen_leaf:"


def test_where_an_exchange_is() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.flow.request.timestamp_start = 10.0
        show = Show(here.exchanges)

        def told(now: float) -> str:
            assert show.tell(now) == [exchange.flow]
            return exchange.flow.comment

        assert show.tell(10.2) == []
        assert told(12.0) == "claude · m · … has asked nobody yet, 2 s"
        exchange.pauses.append((12.0, "a new token of alice"))
        assert told(14.0) == "claude · m · … waits for a new token of alice, 4 s"
        exchange.attempts = [attempt(1, "alice", 429, SLOW), attempt(2, "bob", 0)]
        exchange.attempts[1].started = 15.0
        assert told(16.0) == "claude→gemini · m · alice 429 → bob · … bob has not answered, 6 s"
        exchange.attempts[1].status = 200
        assert "no byte of the answer yet" in told(16.0)
        exchange.attempts[1].raw.add(b"abc")
        exchange.attempts[1].raw.marks = Marks()
        exchange.attempts[1].raw.marks.note(17.0, 3)
        assert told(21.0).endswith("bob · … 3 bytes have come, silent for 4 s, 11 s")
        assert exchange.flow.metadata.get(KEY) is None


class Told:
    """As much of a pump as the record looks at."""

    usage = USAGE
    stop = Stop(reason="tool")


def test_what_is_kept_is_plain_data() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.attempts = [attempt(1, "alice")]
        exchange.ledger.lose("$.a", "why", semantic=True)
        exchange.ledger.apply("rule", "$.b", "$.c")
        kept = plain(exchange)
        assert kept["losses"] == [["$.a", "why", True]]
        assert kept["rules"] == [["$.b", "rule", "$.c"]]

        def check(value: object) -> None:
            assert value is None or isinstance(value, str | bytes | int | float | bool | list | dict), value
            for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
                check(member)

        check(kept)


class Piped(Told):
    """A pump at its end."""

    committed, ended, failure = True, True, None


def checked(emitted: bytes, *, stream: bool = True, pump: type[Told] = Piped, limit: int = 10_000) -> tuple[str, str]:
    """How an answer to a Claude client was checked, and its line."""
    with scene() as here:
        exchange = here.open("/v1/messages", ASK | {"stream": stream})
        exchange.pump = pump()  # type: ignore[assignment]
        exchange.emitted = Tape(limit)
        for at in range(0, len(emitted), 100):
            exchange.emitted.add(emitted[at : at + 100])
        verdict = check(exchange)
        kept = plain(exchange, verdict)["grammar"]
        assert kept["count"] == verdict.number
        assert all(isinstance(member, str | int) for one in kept["violations"] for member in one)
        return kept["checked"], line(exchange, verdict)


GOOD = b"".join(
    b'event: %s\ndata: {"type":"%s"%s}\n\n' % (name, name, rest)
    for name, rest in (
        (
            b"message_start",
            b',"message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,'
            b'"usage":{"input_tokens":1,"output_tokens":1}}',
        ),
        (b"message_delta", b',"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}'),
        (b"message_stop", b""),
    )
)


def test_what_the_client_got_is_checked() -> None:
    how, line = checked(GOOD)
    assert how == "whole"
    assert "⚠" not in line
    how, line = checked(GOOD + GOOD)
    assert how == "whole"
    assert "⚠ not claude: message_start after the end (+2)" in line
    assert "⚠" in checked(b"{}", stream=False)[1]


def test_a_client_that_left_has_only_the_beginning() -> None:
    class Left(Piped):
        ended = False

    how, line = checked(GOOD[:-50], pump=Left)
    assert how == "beginning"
    assert "⚠" not in line


def test_what_is_not_checked_says_why() -> None:
    class Refused(Piped):
        committed = False

    assert checked(GOOD, pump=Refused)[0] == "no answer"
    assert checked(GOOD * 9, limit=1000)[0] == "too large"
    assert checked(b"")[0] == "no answer"


def test_times_below_a_second_are_told_in_milliseconds() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.flow.request.timestamp_start = 10.31
        exchange.attempts = [attempt(1, "alice")]
        assert " · 90/890 ms" in line(exchange)


@pytest.mark.parametrize(
    ("options", "scripts", "listed", "seen"),
    [
        ({}, 1, False, False),
        ({"flow_detail": 3}, 1, False, True),
        ({"save_stream_file": "flows.mitm"}, 1, True, True),
        ({}, 2, False, True),
    ],
)
def test_nothing_is_recorded_where_nobody_can_look(
    tmp_path: Path, options: dict[str, Any], scripts: int, listed: bool, seen: bool
) -> None:
    if "save_stream_file" in options:
        options = options | {"save_stream_file": str(tmp_path / options["save_stream_file"])}
    with scene() as here, taddons.context(Dumper(), Save(), loadcore=False) as context:
        loader = ScriptLoader()
        context.master.addons.add(loader)
        loader.addons = [object()] * scripts
        record = Record(here.exchanges)
        context.master.addons.add(record)
        context.options.update(**options)
        record.running()
        assert (record.listed, record.seen) == (listed, seen)
        exchange = here.open("/v1/messages", ASK)
        record.response(exchange.flow)
        assert (KEY in exchange.flow.metadata) == seen
        assert len(here.exchanges) == 0
        context.options.update(save_stream_file=None)
