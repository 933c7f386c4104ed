"""Commands that take flows: translate again, send again, make a test case, export, a page.

They read what was recorded and never change a flow. What cannot be done says why (CommandError).
"""

from collections.abc import Sequence
from pathlib import Path

from mitmproxy import exceptions, types
from mitmproxy.flow import Flow

from addons.commands.resend import Resend
from addons.commands.typed import command
from addons.inspection import casemaking, exports, pages, retranslate
from addons.inspection.recorded import Recorded, recorded
from addons.listen import own_url
from addons.private_files import write_new
from addons.settings import Settings
from translators.errors import TranslationError
from translators.explain import explain
from translators.registry import DIALECTS


class FlowCommands:
    """`cliproxy.translate`, `.resend`, `.case`, `.export`, `.page`."""

    def __init__(self, settings: Settings, resend: Resend) -> None:
        self.settings = settings
        self._resend = resend

    def done(self) -> None:
        """The script is taken out."""
        self._resend.stop()

    @command("cliproxy.translate")
    def translate(self, flow: Flow, dialect: str = "") -> Sequence[str]:
        """Translate a flow again with the code of today and compare with what was recorded; with a dialect: what its
        request would be for an upstream that speaks that."""
        found = _ours(flow)
        if not dialect:
            return retranslate.told(retranslate.retranslate(found, self.settings.runtime.rules))
        if dialect not in DIALECTS:
            raise exceptions.CommandError(f"no dialect {dialect}: {', '.join(sorted(DIALECTS))}")
        try:
            body, ledger = retranslate.written_for(found, dialect)
        except TranslationError as error:
            raise exceptions.CommandError(f"refused: {error}") from error
        except LookupError:
            raise exceptions.CommandError(f"no dialect {found.client!r} is known here") from None
        fates = [f"{line.what:<8} {line.path}  {line.to or line.why}" for line in explain(found.body, body, ledger)]
        return [*retranslate.laid_out(body).split("\n"), "", *fates]

    @command("cliproxy.resend")
    def resend(self, flow: Flow, model: str = "") -> str:
        """Send the client's request of a flow again, to a fresh credential or for another model. The answer is a new
        flow."""
        return self._resend.send(flow, _ours(flow), model)

    @command("cliproxy.case")
    def case(self, flows: Sequence[Flow], path: types.Path) -> str:
        """Write flows as test cases, without secrets: one into a file *.case, or all into a folder."""
        target = Path(path).expanduser()
        if target.suffix == ".case" and len(flows) != 1:
            raise exceptions.CommandError(f"{target} is one case and these are {len(flows)} flows: name a folder")
        if not flows:
            raise exceptions.CommandError("no flow was named")
        written, why_not = 0, []
        for flow in flows:
            found = _ours(flow)
            try:
                text = casemaking.case(found, flow.comment, self.settings.runtime.redactor.text)
            except casemaking.NoCase as why:
                why_not.append(f"{flow.comment or flow.id[:8]}: {why}")
                continue
            _write(target if target.suffix == ".case" else target / casemaking.file_name(found, flow.id), text)
            written += 1
        if not written:
            raise exceptions.CommandError("; ".join(why_not))
        return "; ".join([f"{written} case{'' if written == 1 else 's'} written to {target}", *why_not])

    @command("cliproxy.export")
    def export(self, flow: Flow, form: str, path: types.Path) -> str:
        """Write a flow's request as curl, http or python, for this proxy; its key: CLIPROXY_CLIENT_KEY."""
        try:
            text = exports.export(_ours(flow), form, own_url(self.settings))
        except exports.NoExport as why:
            raise exceptions.CommandError(str(why)) from why
        target = Path(path).expanduser()
        _write(target, self.settings.runtime.redactor.text(text))
        return f"written to {target}"

    @command("cliproxy.page")
    def page(self, flow: Flow, path: types.Path) -> str:
        """Write the conversation and its answer as a page: Markdown (*.md) or HTML (*.html)."""
        target = Path(path).expanduser()
        form = pages.FORMS.get(target.suffix.lower())
        if form is None:
            raise exceptions.CommandError(f"{target}: the name should end in {', '.join(pages.FORMS)}")
        found, redact = _ours(flow), self.settings.runtime.redactor.text
        _write(target, redact(form(pages.page(found, flow.comment))))
        return f"written to {target}"


def _ours(flow: Flow) -> Recorded:
    found = recorded(flow)
    if found is None:
        raise exceptions.CommandError("this flow is not a request to cliproxy")
    return found


def _write(target: Path, text: str) -> None:
    try:
        write_new(target, text.encode())
    except OSError as error:
        raise exceptions.CommandError(f"{target}: {error.strerror}") from error
