"""An answer says the same as a stream and as one body, in every client dialect."""

from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests import corpus
from tests.test_corpus import DIALECTS, Answer, Meaning, a_pump, answers, meaning, read, through, violations
from translators.fold import Fold
from translators.parts import Image, Text

CASES = Path(__file__).resolve().parent / "cases"
FIXTURES = sorted(chain.from_iterable((CASES / name / "streams").glob("*.case") for name in corpus.DIALECTS))


def citations(found: Fold) -> list[tuple[Any, ...]]:
    """Sources of all texts, with the places where they stand."""
    parts = [part for one in found.reply().candidates for part in one.parts if isinstance(part, Text)]
    return [(one.url, one.title, one.start, one.end) for part in parts for one in part.citations]


def images(found: Fold) -> list[Image]:
    return [part for one in found.reply().candidates for part in one.parts if isinstance(part, Image)]


def told(found: Fold) -> tuple[Meaning, list[tuple[Any, ...]], list[Image]]:
    """All that is compared. Claude: arguments that were cut are no JSON, which a whole message must say as `_raw`."""
    said = meaning(found)
    calls = [call for call in said.calls if said.stop != "length" or "_raw" not in call[1]]
    return said._replace(thinking="".join(said.thinking.split()), calls=calls), citations(found), images(found)


def compare(upstream: str, answer: Answer) -> None:
    for client in corpus.DIALECTS:
        streaming, collecting = (a_pump(client, upstream, answer, stream=stream) for stream in (True, False))
        stream, whole = through(streaming, answer.body), through(collecting, answer.body)
        name = (client, answer.id)
        if collecting.failure is not None:
            assert streaming.failure is not None, name
            assert streaming.failure.kind == collecting.failure.kind, name
            assert not stream or violations(client, stream, stream=True) == [], name
            continue
        assert streaming.failure is None, name
        one, other = (read(DIALECTS[client], body, streamed=body is stream) for body in (stream, whole))
        if client == "gemini" and not citations(one):  # its grounding comes last, when texts before a call are closed
            other = one if told(one)[0] == told(other)[0] else other
        assert told(one) == told(other), name


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_the_fixtures(path: Path) -> None:
    sections = path.read_text(encoding="utf-8").split("=== ")
    wire = next(section for section in sections if section.startswith("wire")).partition("\n")[2]
    compare(path.parent.parent.name, Answer(path.stem, True, wire.encode(), 0))


@pytest.mark.parametrize("upstream", corpus.DIALECTS)
def test_a_sample_of_the_recordings(upstream: str) -> None:
    for answer in answers(upstream):
        if answer.chance < 8:
            compare(upstream, answer)
