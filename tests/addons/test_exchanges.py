"""The tape, and the table of live exchanges."""

from hypothesis import given
from hypothesis import strategies as st

from addons.exchanges import Tape
from tests.addons.scene import scene


@given(st.lists(st.binary(max_size=30)), st.integers(1, 60))
def test_a_tape_keeps_head_and_tail(chunks: list[bytes], limit: int) -> None:
    tape, whole = Tape(limit), b"".join(chunks)
    for chunk in chunks:
        tape.add(chunk)
    kept = tape.bytes()
    assert tape.size == len(whole)
    if not tape.left_out:
        assert kept == whole
        return
    head, _, rest = kept.partition(b"\n\n[")
    tail = rest.partition(b"]\n\n")[2]
    assert whole.startswith(head) or b"[" in whole
    assert whole.endswith(tail) or b"]" in whole
    assert len(whole) - tape.left_out <= limit + 2 * 30 + 2


def test_what_is_left_out_is_counted() -> None:
    tape = Tape(4)
    for chunk in (b"ab", b"cd", b"ef", b"gh"):
        tape.add(chunk)
    assert tape.left_out == 4
    assert tape.bytes() == "ab\n\n[… 4 bytes not kept …]\n\ngh".encode()


def test_exchanges_come_and_go() -> None:
    with scene() as here:
        exchange = here.open("/v1/chat/completions", {"model": "demo-text", "messages": []})
        assert here.exchanges.get(exchange.flow) is exchange
        assert here.exchanges.close(exchange.flow) is exchange
        assert here.exchanges.get(exchange.flow) is None
        assert here.exchanges.close(exchange.flow) is None
        assert len(here.exchanges) == 0
