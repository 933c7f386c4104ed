"""What a person wants of rests, from another process: let this credential rest, end that rest.

    <auth-dir>/.cliproxy/orders.json    {"version": 1, "orders": [{"id": …, "at": …, "do": "cool", "of": …, …}]}

Nobody takes an order out of the file by following it: several proxies may use the directory, and each follows every
order once. One that starts later follows those that are newer than what it has read of rests. Old orders are left out
when the next one is given.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from credentials.files import HIDDEN, explained, folder_held, read_file, replace_file
from credentials.pool import Pool
from credentials.store import Unavailable

FILE = "orders.json"
VERSION = 1
KEPT = 86400.0
"""Seconds that an order stays in the file, if it has no end of its own that is later."""


@dataclass(frozen=True, slots=True)
class Order:
    """of: the id of a credential. model: an upstream model of it, "" for the whole credential. until: of a rest, in
    unix seconds. at: when it was given.
    """

    id: str
    at: float
    do: Literal["cool", "clear"]
    of: str
    model: str = ""
    until: float = 0.0


def cool(of: str, until: float, at: float, model: str = "") -> Order:
    """Let it rest until then."""
    return Order(secrets.token_hex(8), at, "cool", of, model, until)


def clear(of: str, at: float, model: str = "") -> Order:
    """End its rests."""
    return Order(secrets.token_hex(8), at, "clear", of, model)


def give(folder: Path, orders: Iterable[Order], now: float) -> None:
    """Put orders into the file of an auth directory, which must be there. Raises Unavailable."""
    if not folder.is_dir():
        raise Unavailable(f"{folder} is not there: log in first (scripts/login)")
    path = folder / HIDDEN / FILE
    with folder_held(folder), explained("write", path):
        kept = [each for each in read(folder) if now - each.at < KEPT or each.until > now]
        rows = [asdict(each) for each in (*kept, *orders)]
        replace_file(path, json.dumps({"version": VERSION, "orders": rows}, indent=1).encode())


def read(folder: Path) -> list[Order]:
    """The orders in the file, in the order in which they were given. Never raises: what is none is left out."""
    try:
        found = read_file(folder / HIDDEN / FILE)
        body = json.loads(found.content) if found is not None else None
    except (OSError, ValueError, RecursionError):
        return []
    rows = body.get("orders") if isinstance(body, dict) else None
    return [order for row in rows if (order := _order(row)) is not None] if isinstance(rows, list) else []


def follow(pool: Pool, orders: Sequence[Order], now: float) -> int:
    """Do what orders say; gives the number of those that meant somebody here."""
    followed = 0
    for order in orders:
        if order.do == "clear":
            followed += bool(pool.clear(now, credential=order.of, model=order.model))
        elif order.until > now:
            followed += bool(pool.cool(order.of, order.until - now, now, model=order.model))
    return followed


def _order(row: object) -> Order | None:
    if not isinstance(row, dict) or row.get("do") not in ("cool", "clear"):
        return None
    texts = [row.get(name) for name in ("id", "of", "model")]
    times = [row.get(name) for name in ("at", "until")]
    if not all(isinstance(text, str) for text in texts) or not texts[0] or not texts[1]:
        return None
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in times):
        return None
    return Order(**{name: row[name] for name in Order.__slots__})
