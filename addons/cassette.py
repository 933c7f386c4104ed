"""A file of recorded flows that answers in the place of upstreams: the same request gets the recorded answer.

Any file that `mitmdump -w` wrote is one, whoever was recorded. Requests are the same if they ask the same (see
`inspection/likeness.py`). A request that was recorded several times gets those answers one after the other, and then
keeps getting the last.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mitmproxy import exceptions, io
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow

from addons.inspection.hiding import is_hidden
from addons.inspection.json_diff import ABSENT, lines, parsed
from addons.inspection.likeness import mark, nearest, normal
from addons.inspection.recorded import Headers, Mark, recorded
from addons.inspection.trimming import left_out
from translators.routes import Call, recognise

log = logging.getLogger(__name__)

PLAYED = ("generate", "count_tokens", "compact")
"""Operations that an upstream would answer; lists of models are made here anyway."""


@dataclass(frozen=True)
class Recording:
    """One request and its answer. number: of the flow in the file, from 1. body: in its normal form. said: what the
    client got. marks: when, as far as it was noted.
    """

    number: int
    call: Call
    body: Any
    status: int
    headers: Headers
    said: bytes
    marks: tuple[Mark, ...] = ()


class BadCassette(ValueError):
    """The file cannot be played; the text says why."""


class Cassette:
    """The recordings of a file, and how far each repeated request has come."""

    def __init__(self, path: Path, recordings: list[Recording], *, paced: bool = False) -> None:
        self.path = path
        self.paced = paced
        self.recordings = recordings
        self._by_mark: dict[bytes, list[Recording]] = {}
        for recording in recordings:
            self._by_mark.setdefault(mark(recording.call, recording.body), []).append(recording)

    def next(self, call: Call, body: bytes, *, quoting: bool = True) -> Recording | str:
        """The answer to a request, or the reason why there is none, with the nearest recording's differences. quoting:
        with what stands there; else only where.
        """
        asked = normal(call.dialect, body)
        found = self._by_mark.get(mark(call, asked))
        if found is not None:
            return found.pop(0) if len(found) > 1 else found[0]
        count = len(self.recordings)
        why = f"{self.path.name} ({count} recording{'' if count == 1 else 's'}) has no answer to this request"
        near = nearest(call, asked, ((one, one.call, one.body) for one in self.recordings))
        if near is None:
            return why
        recording, rows = near
        told = lines(rows, SHOWN) if quoting else list(dict.fromkeys(row.path for row in rows[:SHOWN]))
        told = [f"the nearest is flow {recording.number} (- recorded, + asked, ~ both, and other):", *told]
        return f"{why}; " + "\n".join(told)


SHOWN = 12
"""Differences that are told on a miss."""


def load(path: Path, *, paced: bool = False) -> Cassette:
    """Read a file. paced: answers come at the pace at which they were recorded. Raises BadCassette."""
    recordings: list[Recording] = []
    passed_over = 0
    try:
        with path.open("rb") as file:
            for number, flow in enumerate(io.FlowReader(file).stream(), 1):
                if (call := _call(flow)) is None:
                    continue
                recording = _recording(number, call, flow) if isinstance(flow, HTTPFlow) else None
                if recording is None:
                    passed_over += 1
                else:
                    recordings.append(recording)
    except OSError as error:
        raise BadCassette(f"cassette {path}: {error.strerror}") from error
    except exceptions.FlowReadException as error:
        log.warning("cassette %s is damaged, or was cut: %s; it is played as far as it goes", path, error)
    if not recordings:
        raise BadCassette(f"cassette {path} has no recorded answer of a model in it")
    if passed_over:
        log.warning("cassette %s: %d flows without a whole answer are passed over", path, passed_over)
    return Cassette(path, recordings, paced=paced)


def _call(flow: Flow) -> Call | None:
    """What a flow asked for, if an upstream would have to answer that."""
    if not isinstance(flow, HTTPFlow):
        return None
    request = flow.request
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = recognise(request.method, request.path.partition("?")[0], request.query, headers)
    return call if call.operation in PLAYED else None


def _recording(number: int, call: Call, flow: HTTPFlow) -> Recording | None:
    """None where the answer is not whole, or no upstream's: who left, a refusal at the door."""
    response, found = flow.response, recorded(flow)
    if response is None:
        return None
    if found is not None:
        body, said, marks = found.body, found.emitted, found.emitted_marks
        if found.live or (found.error and found.failure is None) or (found.refusal is not None and not found.attempts):
            return None
    else:
        body, said, marks = flow.request.get_content(strict=False) or b"", response.get_content(strict=False) or b"", ()
        if flow.error is not None:
            return None
    if left_out(said) or is_hidden(body) or is_hidden(said) or parsed(body) is ABSENT:
        return None
    headers = tuple(response.headers.items(multi=True))
    return Recording(number, call, normal(call.dialect, body), response.status_code, headers, said, marks)
