"""What keys and tokens look like, by vendor: for whoever must not repeat one.

Sources: the vendors' own examples and the patterns of GitHub's secret scanning (read November 2026).
"""

import re
from typing import NamedTuple


class Shape(NamedTuple):
    """head: how it begins, word for word. rest: a pattern of what follows. common: worth a look into large bodies, too
    (a millisecond for each megabyte and shape).
    """

    head: str
    rest: str
    common: bool = False


_LONG = r"[\w~+/*-]{12,}"
_DOTTED = r"[\w.~+/*-]{11,}[\w~+/*-]"  # a full stop behind it is none of its

SHAPES = (
    Shape("sk-", _DOTTED, common=True),  # OpenAI, Anthropic and many others
    *(Shape(head, _DOTTED) for head in ("sk_", "rk-", "rk_", "pk-", "pk_")),
    Shape("xai-", _DOTTED, common=True),
    Shape("gsk_", _DOTTED),  # Groq
    Shape("pplx-", _DOTTED),
    Shape("nvapi-", _DOTTED),
    Shape("hf_", _LONG),
    Shape("AIza", r"[\w-]{12,}", common=True),  # Google: keys of the older kind
    Shape("AQ.", _DOTTED),  # and of the newer one
    Shape("ya29.", _DOTTED, common=True),  # Google: access tokens
    Shape("1//0", r"[\w-]{20,}"),  # and refresh tokens
    Shape("GOCSPX-", r"[\w-]{12,}", common=True),  # and secrets of OAuth clients
    *(Shape(f"gh{kind}_", r"\w{12,}", kind in "op") for kind in "opsur"),  # GitHub
    Shape("github_pat_", r"\w{12,}", common=True),
    Shape("AKIA", r"[A-Z0-9]{16}\b"),  # Amazon
    Shape("eyJ", r"[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}", common=True),  # a JSON web token: header, claims, signature
)

SCHEMES = ("Bearer ", "Basic ")
_SCHEMED = r"(?i:bearer|basic) (?=[\w.~+/=-]*\d)[\w.~+/=-]{15,}[\w~+/=-]"
"""What stands in an Authorization header, whatever its vendor. Without a digit it is prose about bearer tokens."""

_BEGINNING = r"(?:(?<![\w-])|(?<=\\[nrt]))"
"""Not in the middle of a word, of base64 or of an id; behind an escaped line break of JSON it is a beginning."""

KEY = re.compile(_BEGINNING + "(?:" + "|".join(f"{re.escape(one.head)}{one.rest}" for one in SHAPES) + f"|{_SCHEMED})")
"""A key or token in a text."""

_IN_ERRORS = re.compile(
    r"\b((?:sk|rk|pk|xai|gsk|pplx|nvapi)[-_]|AIza|AQ\.|ya29\.|gh[opsu]_|eyJ)[\w.~+/*-]{12,}|(Bearer )[\w.~+/=-]{12,}"
)


def without_keys(message: str) -> str:
    """The message of an error for a client: of a key that an upstream repeats, its first letters stay.

    Stricter than KEY: vendors repeat keys with stars in their middle, and nothing is lost by hiding too much here.
    """
    return _IN_ERRORS.sub(lambda found: f"{found[1] or found[2]}…", message)
