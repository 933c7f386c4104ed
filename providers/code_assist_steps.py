"""The envelopes of Code Assist and Antigravity, put around a body when everything else is done to it.

Rules of the config speak of what is inside.
"""

from dataclasses import replace

from providers.address import BadAddress
from providers.sending import Sending
from translators import antigravity, gemini_cli
from translators.dialect import Outgoing


def code_assist(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """The envelope with model and project; a count has another."""
    if sending.operation == "count":
        body = gemini_cli.wrap_count(outgoing.body, sending.model)
    else:
        body = gemini_cli.wrap(outgoing.body, sending.model, project_of(sending), sending.ledger)
    return replace(outgoing, body=body)


def agent(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """The same with Antigravity's members. Raises BadAddress without a project, and never makes one up."""
    if sending.operation == "count":
        return code_assist(outgoing, sending)
    project = project_of(sending)
    if not project:
        raise BadAddress("Antigravity: the account's file names no project_id; log in again to have it looked up")
    body = antigravity.wrap(
        outgoing.body, sending.model, project, sending.traits, sending.seed, sending.now, sending.ledger
    )
    return replace(outgoing, body=body)


def project_of(sending: Sending) -> str:
    """The project a request runs in, "" if the account's file names none."""
    return sending.facts.get("project_id", "") or sending.facts.get("project", "")
