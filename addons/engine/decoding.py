"""Undo a content encoding while the bytes arrive. Upstreams are asked for `identity`; some compress all the same."""

import zlib
from typing import Protocol

import brotli
import zstandard


class Decoder(Protocol):
    """Gives what can be decoded so far; raises ValueError for bytes that are not of its encoding."""

    def decode(self, chunk: bytes) -> bytes: ...


class Zlib:
    """gzip and deflate (with or without zlib's header, as servers disagree)."""

    def __init__(self, encoding: str) -> None:
        self._bits = 47 if encoding == "gzip" else 15
        self._inflate = zlib.decompressobj(self._bits)
        self._begin = b""  # of a deflate: whether it has a header shows at the second byte

    def decode(self, chunk: bytes) -> bytes:
        """Give what can be decoded so far."""
        try:
            out = self._inflate.decompress(chunk)
        except zlib.error as error:
            if self._bits != 15 or len(self._begin) > 1:
                raise ValueError(f"the body is not in its declared encoding: {error}") from error
            self._bits, self._inflate = -15, zlib.decompressobj(-15)
            return self.decode(self._begin + chunk)
        if self._bits == 15 and len(self._begin) < 2:
            self._begin += chunk[:2]
        return out


class Brotli:
    """br."""

    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def decode(self, chunk: bytes) -> bytes:
        try:
            return bytes(self._decompressor.process(chunk))
        except brotli.error as error:
            raise ValueError(f"the body is not in its declared encoding: {error}") from error


class Zstd:
    """zstd."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor().decompressobj()

    def decode(self, chunk: bytes) -> bytes:
        try:
            return self._decompressor.decompress(chunk)
        except zstandard.ZstdError as error:
            raise ValueError(f"the body is not in its declared encoding: {error}") from error


def decoder(encoding: str) -> Decoder | None:
    """The decoder of a Content-Encoding; None where there is nothing to undo. Raises ValueError for an unknown one."""
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return Zlib("gzip")
        case "deflate":
            return Zlib("deflate")
        case "br":
            return Brotli()
        case "zstd":
            return Zstd()
        case other:
            raise ValueError(f"unknown content encoding {other!r}")


def decode_body(body: bytes, encoding: str, limit: int) -> bytes:
    """Decode a whole body with one or several encodings. Raises ValueError also for more than `limit` bytes."""
    for name in reversed([part for part in encoding.split(",") if part.strip()]):
        step = decoder(name)
        if step is not None:
            body = _bounded(step, body, limit)
    return body


def _bounded(step: Decoder, body: bytes, limit: int) -> bytes:
    out, size = [], 0
    for start in range(0, len(body), 65536):
        piece = step.decode(body[start : start + 65536])
        size += len(piece)
        if size > limit:
            raise ValueError(f"the decoded body is larger than {limit} bytes")
        out.append(piece)
    return b"".join(out)
