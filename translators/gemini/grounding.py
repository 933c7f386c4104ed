"""Citations: Google says them once for the whole answer and counts bytes, the model hangs them on texts and counts
characters.
"""

from collections.abc import Iterator
from typing import Any

from translators.gemini import wire
from translators.gemini.media import VENDOR
from translators.parts import Citation


def citations_of(candidate: wire.Candidate, text: str, before: int) -> Iterator[Citation]:
    """The citations of one text block.

    text: what the block says. before: UTF-8 bytes of visible text of the candidate in front of it (some answers count
    from the beginning of all text, some from that of the part).
    """
    place = _Places(text, before)
    metadata = candidate.grounding_metadata
    if metadata is not None:
        yield from _grounded(metadata, place)
    for source in candidate.citation_metadata.citations or [] if candidate.citation_metadata else []:
        start, end = place.span(source.start_index or 0, source.end_index, None)
        yield Citation(url=source.uri or "", title=source.title or "", quote="", start=start, end=end, vendor=VENDOR)


def late_citations(
    candidate: wire.Candidate, spoken: list[tuple[int, str, int]], *, placeless: bool
) -> Iterator[tuple[int, Citation]]:
    """The citations of texts that are over: (block, text, UTF-8 bytes before it). placeless: no text has any yet, so
    that those without a place may go to the last.
    """
    placed = False
    for number, text, before in spoken:
        for citation in citations_of(candidate, text, before):
            if citation.start is not None:
                placed = True
                yield number, citation
    if placeless and not placed and spoken:
        number, text, before = spoken[-1]
        for citation in citations_of(candidate, text, before):
            yield number, citation


def _grounded(metadata: wire.GroundingMetadata, place: "_Places") -> Iterator[Citation]:
    sources = metadata.grounding_chunks or []
    for support in metadata.grounding_supports or []:
        segment = support.segment or wire.Segment()
        start, end = place.span(segment.start_index or 0, segment.end_index, segment.text)
        for index in support.grounding_chunk_indices or []:
            if 0 <= index < len(sources) and (cited := _cited(sources[index], segment.text or "", start, end)):
                yield cited
    if not metadata.grounding_supports:
        for source in sources:
            if cited := _cited(source, "", None, None):
                yield cited


def _cited(source: wire.GroundingChunk, quote: str, start: int | None, end: int | None) -> Citation | None:
    web = source.web or source.retrieved_context or source.maps
    if web is None or not (web.uri or web.title):
        return None
    return Citation(url=web.uri or "", title=web.title or "", quote=quote, start=start, end=end, vendor=VENDOR)


class _Places:
    """Bytes → characters in one text."""

    def __init__(self, text: str, before: int) -> None:
        self.text = text
        self.data = text.encode("utf-8", "surrogatepass")
        self.before = before

    def span(self, start: int, end: int | None, quote: str | None) -> tuple[int | None, int | None]:
        """The place in characters: as counted, if the quote agrees; else where the quote stands; else unknown."""
        if end is None:
            return None, None
        wanted = quote.encode("utf-8", "surrogatepass") if quote else None
        for shift in (0, self.before):
            cut = self.data[start - shift : end - shift] if start >= shift else b""
            if cut and len(cut) == end - start and wanted in (None, cut):
                return self._characters(start - shift), self._characters(end - shift)
        if quote and (found := self.text.find(quote)) >= 0:
            return found, found + len(quote)
        return None, None

    def _characters(self, offset: int) -> int:
        return len(self.data[:offset].decode("utf-8", "ignore"))


def grounding_of(texts: list[tuple[int, str, list[Citation]]], queries: list[str]) -> dict[str, Any] | None:
    """groundingMetadata for the citations of an answer: (part index, text, its citations)."""
    chunks: list[dict[str, Any]] = []
    places: dict[tuple[str, str], int] = {}
    supports: list[dict[str, Any]] = []
    for index, text, cited in texts:
        spans: dict[tuple[int, int], list[int]] = {}
        for citation in cited:
            source = (citation.url, citation.title)
            if source not in places:
                places[source] = len(chunks)
                chunks.append({"web": {"uri": citation.url, "title": citation.title}})
            if citation.vendor in ("", VENDOR) and (citation.start is None or citation.end is None):
                continue  # a source of the whole answer
            # Others hang theirs on a text of its own: without a place they are about all of it.
            start, end = citation.start or 0, len(text) if citation.end is None else citation.end
            numbers = spans.setdefault((start, end), [])
            if places[source] not in numbers:
                numbers.append(places[source])
        for (start, end), numbers in spans.items():
            segment = {
                "partIndex": index,
                "startIndex": len(text[:start].encode("utf-8", "replace")),
                "endIndex": len(text[:end].encode("utf-8", "replace")),
                "text": text[start:end],
            }
            supports.append({"segment": segment, "groundingChunkIndices": numbers})
    if not chunks and not queries:
        return None
    found: dict[str, Any] = {"webSearchQueries": queries} if queries else {}
    if chunks:
        found["groundingChunks"] = chunks
    if supports:
        found["groundingSupports"] = supports
    return found
