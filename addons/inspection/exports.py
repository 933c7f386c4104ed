"""A client's request as something a person can run: curl, an HTTP file, a few lines of Python with the vendor's SDK.

All ask this proxy, not the vendor, and hold no key: where the proxy wants one, it comes from CLIPROXY_CLIENT_KEY.
Headers that tell the dialect are kept; those that tell which program asked are not: it is another one that asks now.
"""

import pprint
import shlex
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from addons.inspection.json_diff import ABSENT, parsed
from addons.inspection.recorded import Recorded

KEPT = ("content-type", "anthropic-version", "anthropic-beta", "openai-beta")
"""Headers that change what is answered."""

KEY_IN = {"claude": ("x-api-key", ""), "gemini": ("x-goog-api-key", "")}
"""Where a dialect's clients put their key, and what stands before it; the others: Authorization."""

BEARER = ("authorization", "Bearer ")
KEY = "CLIPROXY_CLIENT_KEY"


class NoExport(ValueError):
    """This request cannot be written so; the text says why."""


def export(found: Recorded, form: str, base: str) -> str:
    """The request in one of FORMS. base: the proxy's address, without a path. Raises NoExport."""
    if form not in FORMS:
        raise NoExport(f"no format {form!r}: {', '.join(FORMS)}")
    return FORMS[form](found, base)


def _curl(found: Recorded, base: str) -> str:
    lines = [f"curl -N -X {found.method} {shlex.quote(base + path_of(found))}"]
    lines += [f"  -H {shlex.quote(f'{name}: {value}')}" for name, value in _headers(found).items()]
    name, before = KEY_IN.get(found.client, BEARER)
    lines.append(f'  -H "{name}: {before}${{{KEY}:-none}}"')
    if found.method in ("GET", "HEAD"):
        return " \\\n".join(lines) + "\n"
    body = _laid_out(found)
    mark = "BODY"
    while mark in body.split("\n"):
        mark += "_"
    return " \\\n".join([*lines, f"  --data-binary @- <<'{mark}'"]) + f"\n{body}\n{mark}\n"


def _http(found: Recorded, base: str) -> str:
    name, before = KEY_IN.get(found.client, BEARER)
    lines = [f"### {found.client} {found.operation} {found.model}".rstrip(), f"@{KEY} = none", ""]
    lines += [f"{found.method} {base}{path_of(found)}"]
    lines += [f"{header}: {value}" for header, value in _headers(found).items()]
    lines += [f"{name}: {before}{{{{{KEY}}}}}", ""]
    if found.method not in ("GET", "HEAD"):
        # Editors put variables in wherever two braces stand, also in texts; in JSON they stand nowhere else.
        lines.append(_laid_out(found).replace("{{", "{\\u007b"))
    return "\n".join(lines).rstrip("\n") + "\n"


def path_of(found: Recorded) -> str:
    """Path and query, without the client's key."""
    path, asked, query = found.path.partition("?")
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in ("key", "auth_token")]
    return f"{path}?{urlencode(kept)}" if asked and kept else path


def _headers(found: Recorded) -> dict[str, str]:
    told = {name.lower(): value for name, value in found.headers}
    return {name: told[name] for name in KEPT if name in told}


def _body(found: Recorded) -> Any:
    body = parsed(found.body)
    if body is ABSENT:
        raise NoExport("its body is not JSON, or was not kept whole")
    return body


def _laid_out(found: Recorded) -> str:
    """The body for people; every literal as it was written."""
    _body(found)
    return msgspec.json.format(found.body, indent=2).decode()


# --- Python ---------------------------------------------------------------------------------------------------------


def _python(found: Recorded, base: str) -> str:
    body = _body(found)
    write = _SDK.get(found.client)
    if write is None or found.operation != "generate" or not isinstance(body, dict):
        raise NoExport(f"no SDK has a call for {found.operation} in {found.client}; curl and http do")
    return write(found, base, body)


def _claude(found: Recorded, base: str, body: Mapping[str, Any]) -> str:
    head = f"import os\n\nfrom anthropic import Anthropic\n\nclient = Anthropic(base_url={base!r}, {_KEY_ARGUMENT})\n"
    return head + _call(found, body, "client.messages.create", ("model", "max_tokens", "messages"))


def _openai(call: str, named: tuple[str, ...]) -> Callable[[Recorded, str, Mapping[str, Any]], str]:
    def write(found: Recorded, base: str, body: Mapping[str, Any]) -> str:
        head = (
            f"import os\n\nfrom openai import OpenAI\n\nclient = OpenAI(base_url={base + '/v1'!r}, {_KEY_ARGUMENT})\n"
        )
        return head + _call(found, body, call, named)

    return write


def _gemini(found: Recorded, base: str, body: Mapping[str, Any]) -> str:
    method = "generate_content_stream" if found.stream else "generate_content"
    options = {"base_url": base, "api_version": path_of(found).split("/")[1]}
    lines = [
        "import os",
        "",
        "from google import genai",
        "",
        f"client = genai.Client({_KEY_ARGUMENT}, http_options={options})",
        f"body = {_literal(body)}",
        "# The SDK has types of its own for all this; extra_body is sent as it is, contents included.",
        f"answer = client.models.{method}(",
        f"    model={found.model!r}, contents='-', config={{'http_options': {{'extra_body': body}}}}",
        ")",
    ]
    lines += ["for chunk in answer:", "    print(chunk)"] if found.stream else ["print(answer)"]
    return "\n".join(lines) + "\n"


def _call(found: Recorded, body: Mapping[str, Any], call: str, named: tuple[str, ...]) -> str:
    """A call whose body is exactly the client's: what the SDK must be told by name, and the rest as extra_body."""
    lines = [f"answer = {call}("]
    lines += [f"    {name}={_literal(body[name], 4)}," for name in named if name in body]
    if found.stream:
        lines.append("    stream=True,")
    rest = {name: value for name, value in body.items() if name not in named and (name != "stream" or not found.stream)}
    if rest:
        lines.append(f"    extra_body={_literal(rest, 4)},")
    headers = {name: value for name, value in _headers(found).items() if name.endswith("-beta")}
    if headers:
        lines.append(f"    extra_headers={_literal(headers, 4)},")
    lines.append(")")
    lines += ["for event in answer:", "    print(event)"] if found.stream else ["print(answer)"]
    return "\n".join(lines) + "\n"


def _literal(value: Any, indent: int = 0) -> str:
    """A value as Python, in the order it was given."""
    text = pprint.pformat(value, width=110 - indent, sort_dicts=False)
    return text.replace("\n", "\n" + " " * indent)


_KEY_ARGUMENT = f"api_key=os.environ.get({KEY!r}, 'none')"

_SDK: dict[str, Callable[[Recorded, str, Mapping[str, Any]], str]] = {
    "claude": _claude,
    "gemini": _gemini,
    "openai-chat": _openai("client.chat.completions.create", ("model", "messages")),
    "openai-completions": _openai("client.completions.create", ("model", "prompt")),
    "openai-responses": _openai("client.responses.create", ("model", "input")),
}

FORMS: dict[str, Callable[[Recorded, str], str]] = {"curl": _curl, "http": _http, "python": _python}
"""The formats by name."""
