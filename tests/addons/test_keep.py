"""What stays in the list: by count, memory and age; what is marked, loaded or under way is nobody's to take."""

from collections.abc import Iterator
from contextlib import contextmanager

from mitmproxy.addons.view import View
from mitmproxy.http import HTTPFlow
from mitmproxy.test import taddons, tflow

from addons.inspection.trimming import left_out, trimmed
from addons.keep import FRAME, Keep, size_of
from tests.addons.scene import scene


class List:
    """mitmproxy's list with Keep beside it."""

    def __init__(self, keep: Keep, view: View) -> None:
        self.keep, self.view = keep, view

    def over(self, size: int = 0, marked: str = "") -> HTTPFlow:
        """One more exchange, from its beginning to its end."""
        flow = tflow.tflow(resp=True)
        flow.request.timestamp_start = float(len(self.view))
        flow.live, flow.marked = True, marked
        flow.request.data.content = bytes(size)
        self.view.add([flow])
        self.keep.response(flow)
        flow.live = False
        return flow


@contextmanager
def a_list(inspect: str) -> Iterator[List]:
    with scene(f"inspect: {{{inspect}}}") as here, taddons.context(loadcore=False) as context:
        view = View()
        context.master.addons.add(view)
        keep = Keep(here.settings)
        keep.follow(view)
        yield List(keep, view)


def test_the_oldest_go_first() -> None:
    with a_list("keep-flows: 3") as here:
        flows = [here.over() for _ in range(5)]
        assert list(here.view) == flows[2:]
        assert len(here.keep) == 3


def test_memory_is_bounded_and_the_latest_stays() -> None:
    with a_list("keep-memory: 100000") as here:
        for _ in range(20):
            here.over(size=30_000)
        assert len(here.view) == 2
        assert here.keep.size <= 100_000
        huge = here.over(size=500_000)
        assert list(here.view) == [huge]


def test_old_flows_go_by_the_clock() -> None:
    with a_list("keep-hours: 1") as here:
        here.over()
        since = next(iter(here.keep._kept.values())).since
        here.keep.make_room(since + 3599)
        assert len(here.view) == 1
        here.keep.make_room(since + 3601)
        assert len(here.view) == 0
        assert here.keep.size == 0


def test_what_a_person_marked_stays_until_the_mark_is_gone() -> None:
    with a_list("keep-flows: 2") as here:
        marked = here.over()
        marked.marked = ":star:"
        signed = here.over(marked=":red_circle:")  # our own sign is no mark of a person's
        rest = [here.over() for _ in range(3)]
        assert list(here.view) == [marked, *rest[1:]]
        assert signed not in here.view
        marked.marked = ""
        here.keep.make_room(0.0)
        assert list(here.view) == rest[1:]


def test_flows_under_way_or_from_a_file_are_not_counted() -> None:
    with a_list("keep-flows: 1") as here:
        loaded, live = tflow.tflow(resp=True), tflow.tflow()
        loaded.live, live.live = False, True
        here.view.add([loaded, live])
        here.keep.response(loaded)
        here.over()
        last = here.over()
        assert set(here.view) == {loaded, live, last}


def test_what_a_person_takes_out_is_forgotten() -> None:
    with a_list("keep-flows: 9") as here:
        first, second = here.over(), here.over()
        here.view.remove([first])
        assert (len(here.keep), here.keep.size) == (1, size_of(second))
        here.view.clear()
        assert (len(here.keep), here.keep.size) == (0, 0)


def test_a_body_that_stands_twice_is_counted_once() -> None:
    flow, body = tflow.tflow(), bytes(1000)
    flow.request.headers.clear()
    flow.request.data.content, flow.response = body, None
    flow.metadata["cliproxy"] = {"emitted": body, "attempts": [{"raw": body, "request_body": bytes(500)}]}
    assert FRAME + 1500 <= size_of(flow) < FRAME + 1600


def test_large_bodies_lose_their_middle() -> None:
    body = b"a" * 500 + b"b" * 500
    short = trimmed(body, 200)
    assert short == b"a" * 100 + "\n\n[… 800 bytes not kept …]\n\n".encode() + b"b" * 100
    assert left_out(short) == 800
    shorter = trimmed(short, 100)
    assert left_out(shorter) == 900
    assert shorter.startswith(b"a" * 50 + b"\n")
    assert shorter.endswith(b"\n" + b"b" * 50)
    assert trimmed(body, 0) is body
    assert trimmed(body, 1000) is body
    assert left_out(body) == 0


def test_a_large_request_is_trimmed_when_it_is_over() -> None:
    with a_list("keep-bytes: 1000") as here:
        flow = here.over(size=5000)
        assert left_out(flow.request.data.content or b"") == 4000
