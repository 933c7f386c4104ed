"""Content encodings, undone while the bytes arrive."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from addons.engine.decoding import decode_body, decoder

TEXT = 'data: {"x": "wörld 🎉"}\n\n'.encode() * 50


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.compress),
}


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("name", PACKERS)
def test_any_pieces_give_the_text(name: str, size: int) -> None:
    encoding, pack = PACKERS[name]
    body, step = pack(TEXT), decoder(encoding)
    assert step is not None
    assert b"".join(step.decode(body[at : at + size]) for at in range(0, len(body), size)) == TEXT
    assert decode_body(body, encoding, 10_000) == TEXT


def test_what_was_flushed_is_there_at_once() -> None:
    """20. Events of a compressed stream do not wait for its end."""
    packer, step = zlib.compressobj(wbits=31), decoder("gzip")
    assert step is not None
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        assert step.decode(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)) == event


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_nothing_to_undo(encoding: str) -> None:
    assert decoder(encoding) is None
    assert decode_body(TEXT, encoding, 1) == TEXT


def test_several_encodings_are_undone_backwards() -> None:
    assert decode_body(brotli.compress(gzip.compress(TEXT)), "gzip, br", 10_000) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_bytes_of_no_encoding(encoding: str) -> None:
    with pytest.raises(ValueError, match="encoding"):
        decode_body(b"<html>certainly not compressed</html>" * 9, encoding, 10_000)


def test_an_unknown_encoding() -> None:
    with pytest.raises(ValueError, match="lzma"):
        decoder("lzma")


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_is_stopped(name: str) -> None:
    encoding, pack = PACKERS[name]
    with pytest.raises(ValueError, match="larger than 1000"):
        decode_body(pack(bytes(100_000)), encoding, 1000)
