"""What is known of a flow: of one that is over, of one under way, of older recordings, of strangers."""

import gzip

import pytest
from mitmproxy.io import tnetstring
from mitmproxy.test import tflow

from addons.exchanges import Attempt, Exchange, Tape
from addons.inspection.checking import Verdict
from addons.inspection.plain import KEY, plain
from addons.inspection.recorded import is_ours, recorded
from addons.inspection.timeline import BAR, timeline
from addons.show import Show
from tests.addons.scene import scene
from translators.dialect import Violation
from translators.losses import Applied, Loss
from translators.model import Failure, Stop, Usage

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "stream": True}
SLOW = Failure(kind="rate_limit", message="slow down", status=429)


def tried(exchange: Exchange) -> None:
    """A failover, and an answer that was compressed."""
    refused = Attempt(1, "alice", "p", "gemini", "g", "http://u", 5.0, [("a", "b")], b"{}", Tape(99), 429)
    refused.raw.add(b"slow down")
    refused.failure, refused.verdict, refused.ended = SLOW, "rate limit", 5.5
    answered = Attempt(2, "bob", "p", "gemini", "g", "http://u", 5.5, [("a", "b")], b"{}", Tape(99), 200)
    answered.raw.add(gzip.compress(b"said"))
    answered.answer_headers = [("Content-Encoding", "gzip")]
    exchange.attempts = [refused, answered]
    exchange.emitted.add(b"translated")
    exchange.ledger.lose("$.a", "why", semantic=True)
    exchange.ledger.apply("rule", "$.b", "$.c")


def test_what_was_kept_is_read_again() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK, {"x-claude-code-session-id": "s1"})
        tried(exchange)
        flow = exchange.flow
        verdict = Verdict("whole", [Violation("odd", 3, "$.x", "rule", True)], 7)
        kept = plain(exchange, verdict, Usage(input=3, cache_read=1), Stop(reason="tool", native="tool_use"))
        flow.metadata[KEY] = tnetstring.loads(tnetstring.dumps(kept))  # as it comes out of a file
        here.exchanges.close(flow)
        found = recorded(flow)
        assert found is not None
        assert is_ours(flow)
        assert (found.client, found.operation, found.model, found.stream) == ("claude", "generate", "m", True)
        assert found.session == ("id s1",)
        assert b'"max_tokens":9' in found.body
        assert found.losses == (Loss("$.a", "why", True),)
        assert found.rules == (Applied("$.b", "rule", "$.c"),)
        assert found.usage == Usage(input=3, cache_read=1)
        assert found.stop == Stop(reason="tool", native="tool_use")
        assert found.grammar.violations == (Violation("odd", 3, "$.x", "rule", True),)
        assert found.grammar.count == 7
        first, last = found.attempts
        assert (first.credential, first.status, first.raw, first.verdict) == ("alice", 429, b"slow down", "rate limit")
        assert first.failure == Failure(kind="rate_limit", message="slow down", origin="upstream")
        assert last.answer == b"said"
        assert last.raw != b"said"
        assert found.emitted == b"translated"
        assert found.last is last
        assert not found.live


def test_what_is_under_way_is_read_as_far_as_it_has_come() -> None:
    with scene() as here:
        exchange = here.open("/v1/messages", ASK)
        Show(here.exchanges).load(None)  # type: ignore[arg-type]  # it adds no options
        tried(exchange)
        found = recorded(exchange.flow)
        assert found is not None
        assert found.live
        assert found.ended == 0
        assert found.attempts[1].answer == b"said"
        assert is_ours(exchange.flow)
        exchange.attempts[0].started = exchange.flow.request.timestamp_start = 5.0
        live = recorded(exchange.flow)
        assert live is not None
        bars = [line.strip() for line in timeline(live, 9.5).splitlines() if not line.strip(" ·░█") and line.strip()]
        first = round(BAR / 9)  # half a second of four and a half
        assert bars == ["░" * first + "·" * (BAR - first), "·" * first + "░" * (BAR - first)]
        assert "under way: the client has got 10 bytes" in timeline(live, 9.5)


def test_older_recordings_lack_members() -> None:
    flow = tflow.tflow(resp=True)
    assert flow.response is not None
    flow.response.raw_content = b"the answer"
    flow.metadata[KEY] = {"client": "claude", "refusal": "no", "attempts": [{"credential": "alice", "raw": b"abc"}]}
    found = recorded(flow)
    assert found is not None
    assert found.refusal is not None
    assert found.refusal.message == "no"
    assert found.attempts[0].raw_size == 3
    assert found.emitted == b"the answer"
    assert found.usage is None
    assert found.ended == flow.response.timestamp_end


@pytest.mark.parametrize("metadata", [None, 7, [], "x", {"client": 3}, {"attempts": [4]}, {"emitted": {}}])
def test_what_is_no_record_of_ours_is_none(metadata: object) -> None:
    flow = tflow.tflow(resp=True)
    if metadata is not None:
        flow.metadata[KEY] = metadata
    assert recorded(flow) is None


def test_other_protocols_are_not_ours() -> None:
    assert recorded(tflow.ttcpflow()) is None
    assert recorded(None) is None
    assert not is_ours(tflow.ttcpflow())


def test_a_body_cut_inside_its_compression_gives_what_came() -> None:
    packed = gzip.compress(bytes(range(256)) * 99)  # its first 200 bytes give some 130
    flow = tflow.tflow()
    for raw in (packed[:200], packed[:200] + b"\n[cut]\n" + packed[250:], b"no gzip at all"):
        flow.metadata[KEY] = {"attempts": [{"raw": raw, "answer_headers": [["content-encoding", "gzip"]]}]}
        found = recorded(flow)
        assert found is not None
        assert found.attempts[0].answer.startswith(b"no gzip" if raw.startswith(b"no") else bytes(range(50)))


def test_a_refusal_before_any_exchange_is_recorded() -> None:
    with scene("api-keys: [right]") as here:
        flow = here.ask("POST", "/v1/messages", ASK, {"x-api-key": "wrong"})
        found = recorded(flow)
        assert found is not None
        assert found.client == "claude"
        assert found.refusal is not None
        assert found.refusal.origin in ("client", "cliproxy")
        assert found.status == 401
