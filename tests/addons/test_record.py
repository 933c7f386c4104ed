"""The one line that tells the story of a flow."""

from addons.exchanges import Attempt, Tape
from addons.inspection.checking import check
from addons.inspection.plain import plain
from addons.record import story
from tests.addons.scene import scene
from translators.losses import Loss
from translators.model import Failure, Stop, Usage

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}


def attempt(number: int, label: str, status: int = 200, failure: Failure | None = None) -> Attempt:
    return Attempt(
        number, label, "p", "gemini", "m", "http://u", 1.0, [], b"", Tape(10), status, [], 10.4, 11.2, failure
    )


class Told:
    """As much of a pump as the record looks at."""

    usage = Usage(input=1234, output=567, cache_read=1000, thinking=8)
    stop = Stop(reason="tool")


def test_a_story() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.flow.request.timestamp_start = 10.0
        slow = Failure(kind="rate_limit", message="slow")
        exchange.attempts = [attempt(1, "alice", 429, slow), attempt(2, "bob")]
        exchange.pump = Told()  # type: ignore[assignment]
        exchange.ledger.losses = [Loss("$.a", "b"), Loss("$.c", "d")]
        assert story(exchange, exchange.flow) == (
            "claude→gemini · alice 429 → bob · 0.4/1.2 s · 1,234 (1,000 cached)→567 (8 thought) tok · tool · 2 drops"
        )


def test_a_refusal_and_a_connection_that_failed() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        exchange.refusal = Failure(kind="model", message="unknown", origin="cliproxy")
        assert story(exchange, exchange.flow) == "claude · cliproxy: unknown"
        exchange.attempts = [attempt(1, "alice", 0, Failure(kind="upstream", message="cannot connect"))]
        assert "alice upstream" in story(exchange, exchange.flow)


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
        return kept["checked"], story(exchange, exchange.flow, verdict)


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
