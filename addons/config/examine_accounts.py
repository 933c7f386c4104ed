"""What the doctor looks at in the auth directory: its files, who of them can serve, and how they are kept."""

import stat
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from addons.config.credentials import customs_of
from addons.config.discover import credential_files
from addons.config.findings import Check, readable_by_others
from addons.config.model import Config
from credentials.accounts import NOT_WHOLE, Accounts
from credentials.cipher import Cipher
from credentials.cipher_keys import key_source
from credentials.file_store import FileStore
from credentials.lease import Row
from credentials.pool import Pool
from credentials.store import Unavailable
from providers import catalog


def check_auth_dir(auth_dir: Path) -> Check:
    """The directory of the credential files and its permissions (on Windows these say nothing)."""
    try:
        status = auth_dir.stat()
    except FileNotFoundError:
        return Check("auth-dir", "ok", f"{auth_dir}, not there")
    except OSError as bad:
        return Check("auth-dir", "error", f"{auth_dir} cannot be read ({bad.strerror})")
    if not stat.S_ISDIR(status.st_mode):
        return Check("auth-dir", "error", f"{auth_dir} is not a directory", ("Name a directory in auth-dir.",))
    if readable_by_others(auth_dir):
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        return Check("auth-dir", "warning", f"{auth_dir}, mode {mode}", (f"Others can look in: chmod 700 {auth_dir}",))
    return Check("auth-dir", "ok", str(auth_dir))


def check_files(auth_dir: Path, accounts: Accounts, config: Config) -> list[Check]:
    """The credential files: readable, of use, and for their owner's eyes only."""
    if accounts.trouble and auth_dir.is_dir():
        return [Check("accounts", "error", "none can be read", (accounts.trouble,))]
    files = credential_files(auth_dir)
    if not files:
        return []
    served = catalog.load().providers
    advice = []
    for path in files:
        account = accounts.known.get(path.name)
        if account is None:
            advice.append(f"{path.name} {accounts.bad.get(path.name, NOT_WHOLE)}: it is skipped")
        elif account.provider not in served:
            advice.append(f"{path.name}: {account.provider} is not served yet: it rests")
        if readable_by_others(path):
            advice.append(f"{path.name} can be read by others: chmod 600 {path}")
    advice += _resting(accounts, config)
    counts = Counter(account.provider for account in accounts.known.values())
    known = ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"
    return [Check("accounts", "warning" if advice else "ok", f"{known}, of {len(files)} files", tuple(advice))]


def _resting(accounts: Accounts, config: Config) -> list[str]:
    """Accounts of providers that are served, and that serve nobody all the same."""
    known = catalog.load()
    able = [each for each in accounts.credentials(customs_of(config)) if each.provider in known.providers]
    rows = Pool(able, known).states(time.time())
    return [f"{row.id}: {why}" for row in rows if (why := _why(row))]


def _why(row: Row) -> str:
    if row.state == "unserved":
        return f"{row.reason}: it rests"
    return f"its token has ended: {row.advice}" if row.state == "expired" and "renewed" not in row.advice else ""


def check_encryption(auth_dir: Path, accounts: Accounts, env: Mapping[str, str], home: Path) -> list[Check]:
    """Whether the files are encrypted, and where the key is; nothing where `check_files` tells of a wrong one."""
    if accounts.trouble:
        return []
    source = key_source(env, home)
    place = source.place
    if not auth_dir.exists():
        return [Check("encryption", "ok", f"the directory will be made encrypted, with the key of {place}")]
    store = FileStore(auth_dir, Cipher(source))
    try:
        wanted, kids, keys = store.encrypted, store.kids(), source.load()
    except Unavailable as error:
        return [Check("encryption", "error", "cannot be told", (str(error),))]
    others = kids - {keys[0].id if keys else "", ""}
    if not wanted and not kids - {""}:
        return [Check("encryption", "ok", "files are plain text, as they were (scripts/accounts encrypt changes that)")]
    if not wanted:
        advice = "Some files are encrypted, some are not: scripts/accounts encrypt, or decrypt, makes them alike."
        return [Check("encryption", "warning", f"mixed, key of {place}", (advice,))]
    finding = f"files are encrypted, key {' and '.join(sorted(kids - {''}))} of {place}"
    if "" in kids or others:
        advice = "Not all are encrypted with the current key: scripts/accounts encrypt makes them alike."
        return [Check("encryption", "warning", finding, (advice,))]
    if Path(place).is_relative_to(auth_dir):
        return [Check("encryption", "warning", finding, ("The key lies beside what it opens: keep it elsewhere.",))]
    return [Check("encryption", "ok", finding)]
