"""What can go wrong in a translator, and whose fault it is.

TranslationError
├── Unreadable    what we were given is not what its dialect allows (client's or upstream's fault)
├── Unwritable    the other dialect cannot say it, and saying something else would change the meaning
└── OutOfOrder    a reader of ours broke the order of events (our fault)
"""

import msgspec

UNDECODABLE: tuple[type[Exception], ...] = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What decoding raises, however deep inside: the bytes are at fault, not we."""


class TranslationError(Exception):
    """Base of the three; `path` is the JSON path the message is about, or ""."""

    def __init__(self, message: str, path: str = "", code: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path
        self.code = code


class Unreadable(TranslationError):
    """Not JSON, or a known field of the wrong type. The client gets 400 (its fault) or 502 (the upstream's)."""


class Unwritable(TranslationError):
    """A thing that must not be dropped cannot be said upstream. The client gets 400 before anything is sent.

    `code` is a machine-readable reason where the client's dialect has one (`thread_unsupported_request` …).
    """


class OutOfOrder(TranslationError):
    """A bug in a reader: events in an order the alphabet forbids."""
