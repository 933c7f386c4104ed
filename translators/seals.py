"""Opaque reasoning state on its way through clients of other vendors.

A seal (parts.Seal) goes back to its author unchanged or not at all. A client whose dialect has a field for its own
vendor's
seals gets foreign ones in an envelope in that field; the envelope says whose they are, so that nothing needs to be
remembered:

    cliproxy.1.<base64url of a JSON list of {"v": vendor, "m": model, "k": kind, "p": place, "d": data, "t"?:
    text, "i"?: item, "a"?: account}>

It is deterministic (prompt caches see the same bytes each turn). Of an account it holds a mark that tells two apart,
and nothing that names one. A client may read or alter it: an altered seal is refused by its author, which is right.
Gemini's field must be base64 of bytes: `wrap_base64` encodes the envelope once more.

An envelope around no data stands for thinking that nobody seals: it tells the host whose text this is.
"""

import base64
import binascii
import hashlib
import re
from typing import Literal

import msgspec

from translators.dialect import Aim
from translators.parts import Seal, Vendor

PREFIX = "cliproxy.1."

GEMINI_BYPASS = "skip_thought_signature_validator"
"""Google's documented stand-in for a thought signature that was never made by Gemini."""

MODEL_BOUND = frozenset({"google"})
"""Vendors that refuse a seal made by another of their models. (Anthropic drops such blocks by itself, in silence.)"""

ACCOUNT_BOUND = frozenset({"openai"})
"""Vendors whose seals no other account can open: `invalid_encrypted_content` between two organisations."""


class _Wire(msgspec.Struct, omit_defaults=True):
    v: str
    m: str = ""
    k: Literal["signature", "encrypted", "redacted", "compaction"] = "signature"
    p: Literal["self", "next", "prev", "ahead"] = "self"
    d: str = ""
    t: str = ""
    i: str = ""
    a: str = ""


_decoder = msgspec.json.Decoder(list[_Wire])


def wrap(*seals: Seal) -> str:
    """Put seals into one envelope (text of A–Z a–z 0–9 . - _)."""
    wires = [_Wire(s.vendor, s.model, s.kind, s.place, s.data, s.text, s.item, s.account) for s in seals]
    packed = base64.urlsafe_b64encode(msgspec.json.encode(wires)).rstrip(b"=")
    return PREFIX + packed.decode()


def wrap_base64(*seals: Seal) -> str:
    """The same for a field that must be standard base64 of bytes (Gemini's thoughtSignature)."""
    return base64.b64encode(wrap(*seals).encode()).decode()


def unwrap(value: str) -> list[Seal] | None:
    """Give the seals of an envelope (either form), or None if `value` is not one (then it is native to its field)."""
    if not value.startswith(PREFIX):
        try:
            value = base64.b64decode(value, validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            return None
        if not value.startswith(PREFIX):
            return None
    packed = value[len(PREFIX) :]
    try:
        wires = _decoder.decode(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except (binascii.Error, ValueError):  # msgspec's errors are ValueErrors too
        return None
    return [Seal(w.k, w.d, w.v, w.m, w.p, w.t, w.i, w.a) for w in wires]


def account_mark(credential: str) -> str:
    """A short mark of the account behind a credential (its id): the same after a restart, and no way back."""
    return hashlib.blake2b(credential.encode(), digest_size=6, key=b"cliproxy seals").hexdigest()


_EDITION = re.compile(r"(-(preview|latest|exp|experimental|\d{2,}))+$")


def _family(model: str) -> str:
    """A model's name without its edition: previews and dated releases read one another's seals."""
    return _EDITION.sub("", model)


def foreign(seal: Seal, aim: Aim) -> str:
    """Whose the seal is, in the ledger's words, if the upstream cannot open it; "" if it can."""
    if seal.vendor != aim.vendor:
        return seal.vendor or "an unknown vendor"
    if seal.vendor in MODEL_BOUND and seal.model and _family(seal.model) != _family(aim.model):
        return seal.model
    if seal.vendor in ACCOUNT_BOUND and seal.account and aim.account and seal.account != aim.account:
        return "another account"
    return ""


def for_upstream(seal: Seal | None, aim: Aim) -> str | None:
    """The bytes to send if the upstream made this seal; None if it is somebody else's (drop it and say so)."""
    return seal.data if seal is not None and not foreign(seal, aim) else None


def claim(seal: Seal, vendor: Vendor, model: str, account: str) -> Seal:
    """A seal just made by `vendor`, with what binds it."""
    return msgspec.structs.replace(
        seal,
        vendor=vendor,
        model=seal.model or (model if vendor in MODEL_BOUND else ""),
        account=account if vendor in ACCOUNT_BOUND else "",
    )


def for_client(seal: Seal, vendor: Vendor) -> str:
    """What goes into `vendor`'s field of a client: its own seal as it is, a foreign one in an envelope."""
    if seal.vendor == vendor and seal.place == "self" and not seal.item:
        return seal.data
    return wrap(seal)
