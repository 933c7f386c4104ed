"""The doctor tells what to mend, and its exit status says whether cliproxy can start."""

import datetime
import json
import os
import socket
import sys
from importlib import metadata
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from addons import account_work
from addons.config import doctor, examine
from addons.config.model import Config, Tls
from credentials.cipher_keys import key_source

posix = pytest.mark.skipif(os.name != "posix", reason="the mode says nothing here")


@pytest.fixture
def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def made(name: str) -> tuple[bytes, bytes]:
    """A certificate of its own making and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    begin = datetime.datetime(2026, 1, 1)
    builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(begin.replace(year=2040))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return builder.sign(key, hashes.SHA256()).public_bytes(form[0]), key.private_bytes(*form)


class House:
    """A machine with a home, a folder and an environment."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port
        self.env: dict[str, str] = {}
        self.auth = root / "creds"

    def write(self, more: str = "") -> Path:
        path = self.root / "config.yaml"
        path.write_text(f"port: {self.port}\nauth-dir: {self.auth.name}\n{more}")
        path.chmod(0o600)
        return path

    def visit(self, config: str = "") -> tuple[int, str]:
        lines: list[str] = []
        status = doctor.run(config, self.env, self.root, self.root, lines.append)
        return status, "\n".join(lines)


@pytest.fixture
def house(tmp_path, free_port, monkeypatch):
    monkeypatch.setattr(examine, "ROOT", tmp_path)  # no lock file: what is installed here is no business of these tests
    return House(tmp_path, free_port)


def test_all_is_well(house):
    house.write("claude-api-key: [{api-key: sk-planted}]\n")
    status, text = house.visit()
    assert status == 0
    assert text.endswith("Ready.")
    assert f"port {house.port}" not in text
    assert f"{house.port} is free" in text
    assert "claude 1" in text
    assert "sk-planted" not in text


def test_an_error_in_the_config_is_shown_with_its_line(house):
    path = house.write("debug: maybe\nprot: 3\n")
    status, text = house.visit()
    assert status == 1
    assert f"{path}:3:8: error: debug: should be true or false" in text
    assert "did you mean port?" in text
    assert "1 thing to mend" in text


def test_a_missing_file_that_was_named_is_an_error(house):
    status, text = house.visit("other.yaml")
    assert status == 1
    assert "there is no such file" in text


def test_without_config_the_environment_counts(house, monkeypatch):
    monkeypatch.setattr(examine, "check_port", lambda host, port: examine.Check("port", "ok", "free"))
    assert "none: only the demo can answer" in house.visit()[1]
    house.env["ANTHROPIC_API_KEY"] = "sk-planted"
    status, text = house.visit()
    assert status == 0
    assert "claude 1" in text
    assert "sk-planted" not in text


def test_a_taken_port_is_shown(house):
    with socket.socket() as other:
        other.bind(("127.0.0.1", house.port))
        other.listen(1)
        house.write("debug: false\n")
        status, text = house.visit()
    assert status == 0
    assert f"{house.port} cannot be had" in text


def test_an_outside_address_says_so(house):
    house.write("host: 0.0.0.0\napi-keys: [a-key-of-my-own]\n")
    text = house.visit()[1]
    assert "other machines too, 1 client key" in text
    assert "readable" in text
    house.write("host: 0.0.0.0\n")
    assert house.visit()[0] == 1


def test_a_host_name_is_not_looked_up():
    check = examine.check_port("my-machine", 80)
    assert (check.state, check.finding) == ("ok", "80, not tried: my-machine is a name")


@posix
def test_what_others_can_read_is_shown(house):
    house.write("claude-api-key: [{api-key: k}]\n").chmod(0o644)
    house.auth.mkdir(mode=0o755)
    (house.auth / "a.json").write_text('{"type": "claude", "access_token": "t"}')
    (house.auth / "a.json").chmod(0o640)
    (house.auth / "b.json").write_text("{}")
    (house.auth / "b.json").chmod(0o600)
    text = house.visit()[1]
    assert "chmod 600" in text
    assert f"chmod 700 {house.auth}" in text
    assert "a.json can be read by others" in text
    assert "b.json has no `type`: this is no credential file: it is skipped" in text
    assert "claude 2" in text  # the key and the account
    assert "claude 1, of 2 files" in text


def test_an_auth_dir_that_is_a_file_is_an_error(house):
    house.write()
    house.auth.write_text("")
    status, text = house.visit()
    assert status == 1
    assert "is not a directory" in text


def test_tls_files_are_looked_at(tmp_path):
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    config = Config(tls=Tls(True, "cert.pem", "key.pem"))
    (check,) = examine.check_tls(config, tmp_path)
    assert check.advice == (f"tls.key: {tmp_path / 'key.pem'} cannot be read (No such file or directory)",)
    (tmp_path / "key.pem").write_text("secret")
    (check,) = examine.check_tls(config, tmp_path)
    assert check.advice == (f"tls.key: {tmp_path / 'key.pem'} is not a PEM file with a private key",)
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    (check,) = examine.check_tls(config, tmp_path)
    assert "nothing can be served: they are not PEM files" in check.advice[0]
    for name, content in zip(("cert.pem", "key.pem"), made("one"), strict=True):
        (tmp_path / name).write_bytes(content)
    assert examine.check_tls(config, tmp_path)[0].state == "ok"
    (tmp_path / "key.pem").write_bytes(made("another")[1])
    (check,) = examine.check_tls(config, tmp_path)
    assert "they do not belong together" in check.advice[0]


def test_versions_are_compared_with_the_lock_file(tmp_path, monkeypatch):
    lock = tmp_path / "requirements.lock"
    assert examine.check_lock(lock) == []
    lock.write_text("a==1.0 \\\n    --hash=sha256:00\nb==2 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n")
    versions = {"a": "1.0"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    assert [check.state for check in examine.check_lock(lock)] == ["ok"]
    versions["b"] = "3"
    versions.pop("a")
    (check,) = examine.check_lock(lock)
    assert check.state == "warning"
    assert check.advice[0] == "a is missing; locked: 1.0"
    assert not any("b is" in line for line in check.advice)  # locked for another platform


def test_mitmproxys_folder_must_be_one(tmp_path):
    assert examine.check_mitmproxy(tmp_path / "none") == []
    assert examine.check_mitmproxy(tmp_path) == []
    (tmp_path / "file").write_text("")
    (check,) = examine.check_mitmproxy(tmp_path / "file")
    assert check.state == "error"


def test_a_full_disk_is_shown(tmp_path, monkeypatch):
    assert examine.check_disk(tmp_path) == []
    monkeypatch.setattr(examine, "ROOM", 1 << 60)
    (check,) = examine.check_disk(tmp_path)
    assert check.state == "warning"
    assert "MB are free" in check.finding


def test_variables_that_lead_requests_elsewhere_are_named(tmp_path):
    env = {
        "HTTPS_PROXY": "http://user:planted@p.test",
        "OPENAI_BASE_URL": "http://localhost:8317/v1",
        "ANTHROPIC_BASE_URL": "https://a.test",
        "SSL_CERT_FILE": str(tmp_path / "none"),
    }
    check = examine.check_environment(Config(), env)
    assert check.finding == "ANTHROPIC_BASE_URL leads elsewhere, OPENAI_BASE_URL leads here, HTTPS_PROXY"
    assert len(check.advice) == 3
    assert "planted" not in repr(check)
    env = {"HTTPS_PROXY": "http://p.test", "NO_PROXY": "a, localhost"}
    assert examine.check_environment(Config(), env).state == "ok"


def test_log_ins_of_other_tools_are_named(house):
    house.write()
    (house.root / ".codex").mkdir()
    (house.root / ".codex" / "auth.json").write_text("")
    assert "of other tools: Codex; not used yet" in house.visit()[1]


def test_packages_are_counted(monkeypatch):
    assert examine.check_packages().state == "ok"
    versions = {"mitmproxy": "13.0.0", "httpx": "0.27.2", "pyyaml": "6.0"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    check = examine.check_packages()
    assert check.state == "error"
    assert "mitmproxy is 13.0.0; wanted: 12.2 or newer, below 12.3" in check.advice
    assert "httpx is 0.27.2; wanted: 0.28 or newer" in check.advice
    assert "tiktoken is missing" in check.advice


def test_an_old_python_is_an_error(monkeypatch):
    assert examine.check_python().state == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 11, 9))
    assert examine.check_python().state == "error"


def test_main_takes_the_file_and_gives_the_status(tmp_path, capsys):
    path = tmp_path / "bad.yaml"
    path.write_text("port: no\n")
    assert doctor.main(["--config", str(path)]) == 1
    assert "port: should be a whole number" in capsys.readouterr().out


def put(house, name, **body):
    house.write()
    house.auth.mkdir(exist_ok=True, mode=0o700)
    path = house.auth / name
    path.write_text(json.dumps({"type": "claude", "access_token": "at-planted"} | body))
    path.chmod(0o600)


def test_accounts_that_rest_say_why(house):
    put(house, "a.json")
    put(house, "b.json", excluded_models=["*"])
    put(house, "c.json", type="vertex")
    put(house, "d.json", expired="2020-01-01T00:00:00Z")
    put(house, "e.json", expired="2020-01-01T00:00:00Z", refresh_token="rt-planted")
    status, text = house.visit()
    assert status == 0
    assert "b.json: no model is left to it: all are excluded, or none is configured: it rests" in text
    assert "c.json: Vertex AI with a service account: the account names no project_id: it rests" in text
    assert "d.json: its token has ended: log in again" in text
    assert "a.json:" not in text
    assert "e.json:" not in text
    assert "planted" not in text


def test_how_files_are_kept(house):
    house.write()
    assert "the directory will be made encrypted" in house.visit()[1]
    put(house, "a.json")
    assert "files are plain text, as they were" in house.visit()[1]
    source = key_source(house.env, house.root)
    account_work.encrypted(house.auth, source)
    key = source.load()[0].id
    assert f"files are encrypted, key {key} of " in house.visit()[1]
    put(house, "b.json")
    assert "Not all are encrypted with the current key" in house.visit()[1]
    (house.root / ".config" / "cliproxy" / "key").unlink()
    status, text = house.visit()
    assert (status, text.count("encrypt")) == (1, 1)
    assert "give the right key" in text
