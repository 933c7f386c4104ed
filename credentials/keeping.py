"""What a person does to an account's file: switch it off and on, put it away. Nothing of it can lose a token."""

from dataclasses import replace
from pathlib import Path

from credentials.account import read_account, write_account
from credentials.file_store import FileStore
from credentials.files import explained, folder_held, sync_folder
from credentials.store import Conflict, Store, Stored, Unavailable

TRIES = 5
AWAY = ".removed"
"""Behind the name of a file that was put away: no credential any more, for us and for others."""


def set_disabled(store: Store, name: str, disabled: bool) -> Stored | None:
    """Write the member `disabled` of a file; every other byte stays. None if it says so already.

    Raises Unavailable, and BadFile for what is no account.
    """
    for _ in range(TRIES):
        stored = store.read(name)
        if stored is None:
            raise Unavailable(f"{name} is not there any more")
        account = read_account(name, stored.content)
        said = account.body.get("disabled")
        if said is disabled or (said is None and not disabled):
            return None
        changed = replace(account, body={**account.body, "disabled": disabled})
        try:
            return store.write(name, write_account(changed), stored.revision)
        except Conflict:  # its token was renewed at this moment
            continue
    raise Unavailable(f"{name} is being written by another program: try again")


def put_away(store: FileStore, name: str) -> Path:
    """Give a file a name that nobody reads; gives the path. It is no account then; its first name brings it back.

    Waits for a renewal under way, so that what is put away has the newest token. Raises Unavailable.
    """
    path = store.folder / name
    with store.locked(name), folder_held(store.folder), explained("rename", path):
        if not path.exists() and not path.is_symlink():
            raise Unavailable(f"{name} is not there any more")
        away = next(each for each in _names(path) if not each.exists())
        path.rename(away)
        sync_folder(store.folder)
    return away


def _names(path: Path) -> list[Path]:
    taken = sum(1 for _ in path.parent.glob(f"{_escaped(path.name)}{AWAY}*"))
    more = [path.with_name(f"{path.name}{AWAY}-{number}") for number in range(2, taken + 3)]
    return [path.with_name(f"{path.name}{AWAY}"), *more]


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
