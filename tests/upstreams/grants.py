"""What authlib asks of an authorization server: the client, its codes and tokens, and the grants over them.

A Shape says in what a vendor's server differs.
"""

import base64
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidGrantError,
    OAuth2Request,
    grants,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant

LIFETIME = 3600


@dataclass(frozen=True)
class Shape:
    """A vendor's server. secret: None for a public client. body: how the token endpoint wants it. basic: the secret as
    Basic, too. proof: PKCE is demanded. answers: members of token answers besides; jwt: access tokens are JWTs.
    slower: the interval after slow_down. fails: how errors of the token endpoint are written.
    """

    client_id: str = "client-1"
    secret: str | None = None
    body: str = "form"
    basic: bool = False
    proof: bool = True
    rotates: bool = True
    lifetime: int = LIFETIME
    jwt: bool = False
    answers: Callable[[Any, str], dict[str, Any]] = lambda _server, _grant: {}
    parameters: frozenset[str] = frozenset()
    headers: tuple[str, ...] = ()
    slower: Callable[[float], float] = lambda seconds: seconds + 5
    fails: Callable[[int, dict[str, Any]], tuple[int, dict[str, Any]]] = lambda status, body: (status, body)


@dataclass
class Asked:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The body, form or JSON."""
        if "json" in self.headers.get("content-type", ""):
            return dict(json.loads(self.raw))
        return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))


type Reply = tuple[int, Mapping[str, str], bytes]


def answer(status: int, body: Any) -> Reply:
    """JSON."""
    return status, {"content-type": "application/json"}, json.dumps(body).encode()


def jwt(claims: Mapping[str, Any]) -> str:
    """A JWT as clients see it; its signature is none of their business."""

    def pack(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{pack({'alg': 'RS256'})}.{pack(dict(claims))}.c2lnbmF0dXJl"


# --- what authlib asks of a server ----------------------------------------------------------------------------------


class Registered:
    """The one client."""

    def __init__(self, shape: Shape, redirects: set[str]) -> None:
        self.shape, self.redirects = shape, redirects

    def get_client_id(self) -> str:
        return self.shape.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_redirect_uri(self, uri: str) -> bool:
        return uri in self.redirects

    def check_client_secret(self, secret: str) -> bool:
        return secret == self.shape.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        if self.shape.secret is None:
            return method == "none"
        return method == ("client_secret_basic" if self.shape.basic else "client_secret_post")

    def check_response_type(self, kind: str) -> bool:
        return kind == "code"

    def check_grant_type(self, kind: str) -> bool:
        return True


@dataclass
class Code:
    """An authorization code that was given out."""

    code: str
    redirect_uri: str
    scope: str
    code_challenge: str = ""
    state: str = ""
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass
class Pending:
    """A device code that was given out. polls: so many were made; next: the earliest time of the next one."""

    device_code: str
    user_code: str
    client_id: str
    scope: str
    challenge: str
    expires: float
    interval: float
    next: float
    polls: int = 0
    clock: Callable[[], float] = field(default=lambda: 0.0)

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_user_code(self) -> str:
        return self.user_code

    def is_expired(self) -> bool:
        return self.clock() >= self.expires


@dataclass
class Given:
    """A refresh token that was given out."""

    refresh: str
    scope: str
    revoked: bool = False

    def get_scope(self) -> str:
        return self.scope

    def check_client(self, client: Any) -> bool:
        return True


class Codes(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_post", "client_secret_basic")

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        self.server.fake.codes[code] = Code(
            code, data.get("redirect_uri", ""), data.get("scope", ""), data.get("code_challenge", ""), data["state"]
        )

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        return self.server.fake.codes.get(code)

    def delete_authorization_code(self, code: Code) -> None:
        del self.server.fake.codes[code.code]

    def authenticate_user(self, code: Code) -> str:
        return "ana"


class Refreshes(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_post", "client_secret_basic")

    @property
    def INCLUDE_NEW_REFRESH_TOKEN(self) -> bool:
        return self.server.fake.shape.rotates

    def authenticate_refresh_token(self, token: str) -> Given | None:
        found = self.server.fake.given.get(token)
        if found is not None and found.revoked:
            raise InvalidGrantError("refresh token was used already")
        return found

    def authenticate_user(self, token: Given) -> str:
        return "ana"

    def revoke_old_credential(self, token: Given) -> None:
        token.revoked = self.server.fake.shape.rotates


class Devices(DeviceCodeGrant):
    def query_device_credential(self, device_code: str) -> Pending | None:
        found = self.server.fake.pending.get(device_code)
        if found is not None and found.challenge:
            verifier = self.request.payload.data.get("code_verifier") or ""
            if create_s256_code_challenge(verifier) != found.challenge:
                raise InvalidGrantError("the proof key is another one")
        return found

    def query_user_grant(self, user_code: str) -> tuple[str, bool] | None:
        fake = self.server.fake
        return ("ana", not fake.denies) if fake.poll(user_code) else None

    def should_slow_down(self, pending: Pending) -> bool:
        return self.server.fake.slows_down(pending)


class DeviceCodes(DeviceAuthorizationEndpoint):
    def get_verification_uri(self) -> str:
        return f"{self.server.fake.url}/activate"

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        self.server.fake.give_device_code(data["device_code"], data["user_code"], scope or "")


class Server(AuthorizationServer):
    """authlib's server, on the fake's requests and answers."""

    def __init__(self, fake: Any) -> None:
        super().__init__()
        self.fake = fake
        counter = itertools.count(1)
        kinds = {"access": "at", "refresh": "rt"}

        def token(kind: str) -> Callable[..., str]:
            def make(*_: Any, **__: Any) -> str:
                number = next(counter)
                if kind == "access" and fake.shape.jwt:
                    return jwt(
                        {
                            "exp": int(fake.clock()) + fake.shape.lifetime,
                            "user_id": "user-1",
                            "n": number,
                            "aud": fake.shape.client_id,
                        }
                    )
                return f"{kinds[kind]}-{number}-{fake.shape.client_id}-{'0123456789abcdef' * 2}"

            return make

        self.register_token_generator(
            "default", BearerTokenGenerator(token("access"), token("refresh"), lambda *_: fake.shape.lifetime)
        )
        self.register_grant(Codes, [CodeChallenge(required=fake.shape.proof)])
        self.register_grant(Refreshes)
        self.register_grant(Devices)
        self.register_endpoint(DeviceCodes(self))

    def query_client(self, client_id: str) -> Registered | None:
        return self.fake.client if client_id == self.fake.shape.client_id else None

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        if "refresh_token" in token:
            self.fake.given[token["refresh_token"]] = Given(token["refresh_token"], token.get("scope", ""))
        self.fake.access.add(token["access_token"])

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        pass

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Reply:
        raw = json.dumps(body).encode() if isinstance(body, dict) else str(body).encode()
        return status, {str(name).lower(): str(value) for name, value in headers}, raw


class Request(OAuth2Request):
    """A request as authlib reads it."""

    def __init__(self, asked: Asked, url: str, data: dict[str, Any]) -> None:
        super().__init__(asked.method, f"{url}{asked.path}", headers={k.title(): v for k, v in asked.headers.items()})
        self.payload = BasicOAuth2Payload(data)
        self._data = data

    @property
    def form(self) -> dict[str, Any]:
        return self._data

    @property
    def args(self) -> dict[str, Any]:
        return self._data
