"""Whole answers: the response object, read and written. They take the same road as streams."""

from translators.dialect import Asked
from translators.events import Event, Failed
from translators.fold import unfold
from translators.model import Failure, Reply
from translators.openai_responses.stream import AnswerReader
from translators.openai_responses.writer import StreamWriter


def read_reply(body: bytes) -> list[Event]:
    """Read a response object as events. A failed one, or an error body with status 200, gives Failed.

    Raises Unreadable for what is no response object at all.
    """
    reader = AnswerReader()
    events = reader.read_whole(body)
    return reader.halves.mend(events if reader.over else events + reader.end_of_bytes())


def write_reply(reply: Reply, asked: Asked) -> bytes:
    """Write a response object: the one that ends the stream of the same answer."""
    writer = StreamWriter(asked)
    writer.write(list(unfold(reply)))
    return writer.whole


def write_stream_failure(failure: Failure, asked: Asked) -> bytes:
    """The event that ends a stream which began elsewhere: its place in the numbering is not known."""
    event = StreamWriter(asked).write([Failed(failure)])
    return event[event.index(b"event: response.failed\n") :]
