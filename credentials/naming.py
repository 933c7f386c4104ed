"""Which account a person means: a whole name, or any piece of one that fits only one.

claude-ana@example.com.json      the file
ana@example.com                  the e-mail address, or the label
claude:ana@example.com           with its provider, where several share the address
claude, ana, my-proj             any piece that only one has
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """What can be named. id: of the credential; file: the account's file, "" for a key of the config."""

    id: str
    label: str
    provider: str
    file: str = ""


class Unclear(LookupError):
    """Nobody is called so, or several are. candidates: those that fit, or all there are."""

    def __init__(self, message: str, candidates: Sequence[Named]) -> None:
        shown = "".join(f"\n    {name_of(each)}" for each in candidates[:20])
        more = f"\n    … and {len(candidates) - 20} more" if len(candidates) > 20 else ""
        super().__init__(f"{message}{shown}{more}")
        self.candidates = tuple(candidates)


def name_of(named: Named) -> str:
    """What to type, and what it is called: `claude:ana@example.com  (claude-ana.json)`."""
    return f"{named.provider}:{named.label}" + (f"  ({named.file})" if named.file else "")


def found(piece: str, among: Iterable[Named], *, files: bool = False) -> list[Named]:
    """Whom a person means: one credential, or all that come from one file (the projects of a Google log-in).

    files: only accounts that have a file. Case does not count. Raises Unclear.
    """
    everybody = list(among)
    several = [each for each in everybody if each.file] if files else everybody
    wanted = piece.strip().lower()
    for fits in (_id, _exact, _with_provider, _part):
        meant = [each for each in several if wanted and fits(each, wanted)]
        if len({each.file or each.id for each in meant}) == 1:
            return meant
        if meant:
            raise Unclear(f"{piece!r} may be any of these:", meant)
    if files and any(_part(each, wanted) or _with_provider(each, wanted) for each in everybody if wanted):
        raise Unclear(f"{piece!r} is a key of the config, where it is set; accounts with a file are:", several)
    raise Unclear(f"no account is called {piece!r}" + ("; there are:" if several else ", and there is none"), several)


def _id(each: Named, wanted: str) -> bool:
    return each.id.lower() == wanted


def _exact(each: Named, wanted: str) -> bool:
    stem = each.file.lower().removesuffix(".json")
    return wanted in (each.label.lower(), *((each.file.lower(), stem) if each.file else ()))


def _with_provider(each: Named, wanted: str) -> bool:
    provider, colon, label = wanted.partition(":")
    return bool(colon) and each.provider == provider and label in each.label.lower()


def _part(each: Named, wanted: str) -> bool:
    return wanted in each.label.lower() or wanted in each.file.lower() or wanted == each.provider
