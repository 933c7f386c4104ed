"""How many tokens a picture costs, by its size in pixels and the model's family.

Vendors publish formulas and change them between model generations; where the page and the bill differ, the bill was
followed. The result is an estimate for every model.

Sources: OpenAI “Images and vision” and billed figures in OpenAI's forum (threads 1262691, 1344040, 1372291); Google
“Understand and count tokens”; measured tables in the data set JOHNISKING/image-token-cost of October 2026, from which
Claude's 28-pixel patches and long edges, Gemini 3's flat cost and the cap of GPT-5.2 and later are read.
"""

import binascii
import re
import struct
from collections.abc import Callable
from math import ceil, sqrt

type Size = tuple[int, int]
"""Width and height in pixels, both at least 1."""

UNKNOWN: Size = (1024, 1024)
"""For pictures that are not in the body, or in a format not read here: a usual size."""

# A JPEG says its size after its metadata, which may hold a thumbnail; the others within 32 bytes. In base64 characters.
_HEAD = 4 * 64 * 1024


def read_size(data: str) -> Size | None:
    """The size of a picture in base64 (PNG, GIF, WebP, JPEG), read from its first bytes; None if it cannot be told."""
    try:
        head = binascii.a2b_base64(data[:_HEAD])
    except binascii.Error:
        return None
    for read in (_read_png, _read_gif, _read_webp, _read_jpeg):
        size = read(head)
        if size is not None:
            return size if min(size) > 0 else None
    return None


def _read_png(head: bytes) -> Size | None:
    if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 24:
        return None
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def _read_gif(head: bytes) -> Size | None:
    if head[:4] != b"GIF8" or len(head) < 10:
        return None
    width, height = struct.unpack("<HH", head[6:10])
    return width, height


def _read_webp(head: bytes) -> Size | None:
    """Lossy keeps the size in 14 bits each, lossless in 14 less one, extended in 24 less one."""
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        return None
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None


def _read_jpeg(head: bytes) -> Size | None:
    """Walks the segments to the frame header (SOF0 to SOF15 without DHT, JPG and DAC)."""
    if head[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a body
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        else:
            at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return None


def _tiles(size: Size, detail: str, base: int, tile: int) -> int:
    """OpenAI's older way: into a square of 2048, the short side down to 768, then tiles of 512."""
    if detail == "low":
        return base
    width, height = _fit(size, 2048)
    shrink = min(1.0, 768 / min(width, height))
    return base + tile * ceil(width * shrink / 512) * ceil(height * shrink / 512)


def _patches(size: Size, side: int, most: float) -> int:
    """Patches of `side` pixels that cover the picture, scaled down until there are no more than `most`."""
    width, height = size
    count = ceil(width / side) * ceil(height / side)
    if count <= most:
        return count
    shrink = sqrt(most * side * side / (width * height))
    across, down = width * shrink / side, height * shrink / side
    # Whole patches across, or down, whichever asks for less: what is cut off must not make a further row.
    shrink *= min(max(1, int(across)) / across, max(1, int(down)) / down)
    return min(int(most), ceil(width * shrink / side) * ceil(height * shrink / side))


def _fit(size: Size, edge: int) -> Size:
    shrink = min(1.0, edge / max(size))
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


def _by_tiles(base: int, tile: int) -> Callable[[Size, str], int]:
    return lambda size, detail: _tiles(size, detail, base, tile)


def _by_patches(factor: float, most: int) -> Callable[[Size, str], int]:
    def count(size: Size, detail: str) -> int:
        if detail == "low":
            size = _fit(size, 512)
        return ceil(_patches(size, 32, 10_000 if detail == "original" else most) * factor)

    return count


def _claude(size: Size, _detail: str) -> int:
    return _patches(_fit(size, 1568), 28, 1600)


def _claude_5(size: Size, _detail: str) -> int:
    return _patches(_fit(size, 2000), 28, 4000)


def _gemini(size: Size, _detail: str) -> int:
    """258 a tile: small pictures are one, others squares of two thirds of the short side (256 to 768 pixels)."""
    if max(size) <= 384:
        return 258
    unit = min(768, max(256, int(min(size) / 1.5)))
    return 258 * ceil(size[0] / unit) * ceil(size[1] / unit)


def _gemini_3(_size: Size, detail: str) -> int:
    return 280 if detail == "low" else 1120


# The first pattern that fits the model's name decides.
_FAMILIES: tuple[tuple[re.Pattern[str], Callable[[Size, str], int]], ...] = tuple(
    (re.compile(pattern), count)
    for pattern, count in (
        (r"claude-(?:[a-z]+-)?[5-9]\b", _claude_5),
        (r"claude", _claude),
        (r"gemini-(?:[12]\b|pro|flash)", _gemini),
        (r"gemini", _gemini_3),
        (r"gpt-5[\d.]*-mini", _by_patches(1.2, 1536)),
        (r"gpt-5[\d.]*-nano", _by_patches(1.5, 1536)),
        (r"gpt-5(?:\.1)?(?:$|-)", _by_tiles(70, 140)),
        (r"gpt-(?:[5-9]|\d\d)", _by_patches(1.2, 2500)),
        (r"gpt-4\.1-mini", _by_patches(1.62, 1536)),
        (r"gpt-4\.1-nano", _by_patches(2.46, 1536)),
        (r"o4-mini", _by_patches(1.72, 1536)),
        (r"gpt-4o-mini", _by_tiles(2833, 5667)),
        (r"\bo[13]\b", _by_tiles(75, 150)),
        (r"", _by_tiles(85, 170)),
    )
)


def count_image(size: Size, model: str, detail: str = "") -> int:
    """Tokens of one picture; `detail` is the client's wish ("low", "high", "original", "auto" or "")."""
    for pattern, count in _FAMILIES:
        if pattern.search(model):
            return count(size, detail)
    raise AssertionError("the last pattern fits every name")
