"""Files of the user's own that add a dialect or override a pair: run once, when the config that names them is read."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from addons.config.model import Config
from addons.config.problems import Report
from translators.registry import DIALECTS


def load(config: Config, folder: Path, report: Report) -> None:
    """Run the files of `extensions` that have not run yet; relative names are looked up in `folder`.

    What a file does is not undone when it is taken out of the config: that needs a restart.
    """
    for number, name in enumerate(config.extensions):
        path = (folder / Path(name).expanduser()).resolve()
        key = report.item("extensions", number)
        if not path.is_file():
            report.error(key, f"there is no file {path}")
            continue
        try:
            run(path)
        except Exception as error:  # anything may go wrong in a file that is not ours
            report.error(key, f"{path.name} fails: {type(error).__name__}: {error}")


def run(path: Path) -> ModuleType:
    """The module of a file, run if it has not been. Raises whatever the file raises."""
    name = f"cliproxy_extension_{path.stem}_{abs(hash(str(path))):x}"
    if name in sys.modules:
        return sys.modules[name]
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def check_dialects(config: Config, report: Report) -> None:
    """Report `dialect` keys that name nothing an extension has registered for upstreams."""
    usable = sorted(name for name, dialect in DIALECTS.items() if dialect.path)
    for number, entry in enumerate(config.openai_compatibility):
        if entry.dialect and entry.dialect not in usable:
            known = f"known: {', '.join(usable)}" if usable else "there are none: see `extensions`"
            key = f"{report.item('openai-compatibility', number)}.dialect"
            report.error(key, f"no dialect {entry.dialect!r} has been registered for upstreams; {known}")
