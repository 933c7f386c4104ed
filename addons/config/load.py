"""Find, read and check a config file. The result is a whole Config or none; the problems say why, line by line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from yaml.nodes import Node

from addons.config import extensions
from addons.config.check import check, without_doubles
from addons.config.keys import CONFIG
from addons.config.model import Config
from addons.config.problems import Place, Problem, Report, listed
from addons.config.read import Reader

VARIABLE = "CLIPROXY_CONFIG"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file. config is None if there is an error among the problems; these are in the file's order."""

    config: Config | None
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the file from being used."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems one can live with."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")


def find(explicit: str, env: Mapping[str, str], cwd: Path, home: Path) -> Path | None:
    """Which file to use: the named one, CLIPROXY_CONFIG, ./config.yaml, ~/.cli-proxy-api/config.yaml.

    The first two need not exist: whoever names a file wants to hear that it is not there. None: no file at all.
    """
    for named in (explicit, env.get(VARIABLE, "")):
        if named.strip():
            return cwd / _expand(named.strip(), home)
    usual = (cwd / "config.yaml", home / ".cli-proxy-api" / "config.yaml")
    return next((path for path in usual if path.is_file()), None)


def load(path: Path) -> Loaded:
    """Read the file at `path`. A file that cannot be read is an error among the problems, too."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return _failed(str(path), "there is no such file: mend the name, or copy config.example.yaml to it")
    except IsADirectoryError:
        return _failed(str(path), "is a directory: name the file in it")
    except OSError as bad:
        return _failed(str(path), f"cannot be read ({bad.strerror})")
    return parse(content, str(path))


def parse(content: str | bytes, name: str) -> Loaded:
    """Read a config from text, or from bytes in UTF-8. `name` stands for the file in the problems."""
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    except UnicodeDecodeError as bad:
        line = bad.object[: bad.start].count(b"\n") + 1
        return _failed(name, "is not UTF-8 here: save the file as UTF-8", Place(line, 1))
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        return _failed(name, _syntax(bad, text), Place(mark.line + 1, mark.column + 1) if mark else None)
    except yaml.reader.ReaderError as bad:
        line = text[: bad.position].count("\n") + 1
        return _failed(name, "holds a control character here that YAML does not allow", Place(line, 1))
    except RecursionError:
        return _failed(name, "is nested too deeply")
    return Loaded(Config()) if node is None else _read(node, name)


def _read(node: Node, name: str) -> Loaded:
    report = Report(name)
    reader = Reader(report)
    config = reader.read(node, CONFIG, "")
    if isinstance(config, Config):
        config = _settle(config)
        extensions.load(config, Path(name).parent, report)
        extensions.check_dialects(config, report)
        if not report.failed:
            check(config, report)
        config = without_doubles(config)
    elif not report.failed:
        return Loaded(Config())  # the whole file is `null`
    _report_ignored(reader, report)
    sound = config if isinstance(config, Config) and not report.failed else None
    return Loaded(sound, report.sorted())


def _settle(config: Config) -> Config:
    """The rules of CLIProxyAPI for values that are well-formed and mean something else."""
    aliases = {
        channel: tuple(alias for alias in several if alias.name.lower() != alias.alias.lower())
        for channel, several in config.oauth_model_alias.items()
    }
    return replace(
        config,
        host=config.host or Config().host,
        auth_dir=config.auth_dir or Config().auth_dir,
        oauth_model_alias={channel: several for channel, several in aliases.items() if several},
    )


def _report_ignored(reader: Reader, report: Report) -> None:
    """One warning for all disguises and one for all parts that do not exist, at the place of the first."""
    reasons = {
        "disguise": "read and ignored: this proxy never poses as another client",
        "absent": "read and ignored: there is no such part here",
    }
    for reason, found in reader.ignored.items():
        if not found:
            continue
        names = dict.fromkeys(re.sub(r"\[\d+\]", "", key) for key, _ in found)
        report.warn(listed(names, "and"), reasons[reason], found[0][1])


# What YAML says → what to do about it. Its own words are not shown whole: they can quote the file.
_SYNTAX = (
    (r"'\\t'", "a tab stands here; YAML indents with blanks"),
    (
        "unknown escape|escape sequence of",
        "a \\ in double quotes is an escape; use single quotes, as for 'C:\\Users'",
    ),
    (
        "mapping values are not allowed",
        "a second “: ” in this line, or wrong indentation; put a value with “: ” in quotes",
    ),
    ("could not find expected ':'", "a “:” is missing behind the key, or the indentation is wrong"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("expected '<document start>'", "this line, or one above it, is neither “key: value” nor a comment"),
    ("expected ',' or", "a [ or { is never closed, or a comma is missing"),
    ("undefined alias", "a value that begins with * needs quotes"),
    ("found duplicate anchor", "an anchor (&name) stands twice"),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("but found another document", "a second document begins (---); only one is read"),
    ("cannot start any token", "a value that begins with @, ` or % needs quotes"),
)


def _syntax(bad: yaml.MarkedYAMLError, text: str) -> str:
    said = f"{bad.context or ''} {bad.problem or ''}"
    mark = bad.problem_mark
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    if line[: len(line) - len(line.lstrip())].count("\t"):
        return _SYNTAX[0][1]
    known = next((hint for piece, hint in _SYNTAX if re.search(piece, said)), "")
    return (
        known or f"not YAML: {re.sub(chr(39) + '[^' + chr(39) + ']*' + chr(39), '…', bad.problem or 'cannot be read')}"
    )


def _failed(name: str, message: str, place: Place | None = None) -> Loaded:
    report = Report(name)
    report.error("", message, place)
    return Loaded(None, report.sorted())


def _expand(name: str, home: Path) -> Path:
    head, _, rest = name.replace("\\", "/").partition("/")
    return home / rest if head == "~" else Path(name)
