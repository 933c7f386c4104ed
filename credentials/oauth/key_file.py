"""Vertex AI has no log-in: a service account's key file, as Google's console gives it, becomes the account (tokens:
vertex.py).
"""

import json
from pathlib import Path

from credentials.account import Account
from credentials.oauth.flow import Failed
from credentials.oauth.vertex import private_key
from credentials.oauth.ways import Found, Way, Wishes, file_name

LOCATION = "us-central1"


def read_key_file(path: Path, content: bytes, wishes: Wishes) -> Found:
    """A key file → the file of an account. Raises Failed."""
    try:
        body = json.loads(content)
    except ValueError:  # which holds the whole text
        body = None
    if not isinstance(body, dict) or body.get("type") != "service_account":
        raise Failed(f"{path} is no key of a service account (`type` is not service_account)", code="bad_file")
    project = str(body.get("project_id") or body.get("project") or "").strip()
    email = str(body.get("client_email") or "").strip()
    for name, value in (("project_id", project), ("client_email", email)):
        if not value:
            raise Failed(f"{path} has no {name}", code="bad_file")
    private_key(str(path), body)
    written = {
        "service_account": body | {"private_key": body["private_key"].replace("\\n", "\n"), "project_id": project},
        "project_id": project,
        "email": email,
        "location": wishes.location or LOCATION,
        "type": "vertex",
        "label": wishes.label or f"{project} ({email})",
    }
    return Found(Account(file_name("vertex", project), written))


WAY = Way(identity=("project_id", "email"))
