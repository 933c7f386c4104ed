"""Packs a tiktoken vocabulary (a `.tiktoken` file) for providers/data, where it is read without any network.

    python scripts/lib/pack_vocabulary.py o200k_base.tiktoken providers/data/o200k_base.vocabulary

The file has one line a token, `base64 rank`, ranks ascending from 0. Packed: one byte of length for each token in rank
order, a zero byte, then all tokens in the same order, the whole compressed with zlib (a third of the text's size).
"""

import sys
import zlib
from base64 import b64decode
from pathlib import Path


def pack(text: bytes) -> bytes:
    """Raises ValueError if the ranks have gaps or a token does not fit in one byte of length."""
    tokens: list[bytes] = []
    for line in text.splitlines():
        token, rank = line.split()
        if int(rank) != len(tokens):
            raise ValueError(f"rank {rank.decode()} where {len(tokens)} was due")
        tokens.append(b64decode(token))
    return zlib.compress(bytes(map(len, tokens)) + b"\0" + b"".join(tokens), 9)


if __name__ == "__main__":
    source, target = sys.argv[1:]
    Path(target).write_bytes(pack(Path(source).read_bytes()))
