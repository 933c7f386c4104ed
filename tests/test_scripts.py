"""The scripts as a person calls them: from anywhere, through links, on a machine that lacks something."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proxy import free_port

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "scripts"


def call(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), **environment}
    return subprocess.run(
        command, cwd=cwd, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.fixture
def far_away(tmp_path: Path) -> Path:
    """A folder elsewhere, with blanks in its name and chains of links to the scripts."""
    folder = tmp_path / "far away"
    folder.mkdir()
    for name in ("serve", "test"):
        (folder / f"{name} itself").symlink_to(SCRIPTS / name)
        (folder / name).symlink_to(f"{name} itself")
    return folder


@pytest.mark.parametrize("script", [path.name for path in SCRIPTS.iterdir() if path.is_file()])
def test_a_script_is_sound_and_executable(script: str, tmp_path: Path) -> None:
    assert os.access(SCRIPTS / script, os.X_OK)
    if "bash" in (SCRIPTS / script).read_text().partition("\n")[0]:
        assert call("bash", "-n", SCRIPTS / script, cwd=tmp_path).stderr == ""


def test_serve_explains_itself_through_links(far_away: Path) -> None:
    done = call(far_away / "serve", "--help", cwd=far_away)
    assert done.returncode == 0
    assert "--web" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--nonsense"], "unknown argument: --nonsense"),
        (["--port"], "--port needs a value"),
        (["--config", "missing.yaml"], "cannot read the configuration missing.yaml"),
    ],
)
def test_serve_refuses_what_it_does_not_understand(arguments: list[str], said: str, far_away: Path) -> None:
    done = call(far_away / "serve", *arguments, cwd=far_away)
    assert done.returncode == 1
    assert said in done.stderr


def find_python(bin_folder: Path, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`find_python` on a machine whose PATH is one folder, besides the few tools it needs."""
    for tool in ("basename", "dirname"):
        (bin_folder / tool).symlink_to(f"/usr/bin/{tool}")
    code = f'ROOT=/nowhere; . "{SCRIPTS}/lib/environment.sh"; find_python'
    return call("/bin/bash", "-c", code, cwd=home, PATH=str(bin_folder), **environment)


def fake_python(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


TOO_OLD = "exit 1"
GOOD = f'exec "{sys.executable}" "$@"'
REFUSES = "echo 'pyenv: command not found' >&2; exit 127"
NO_ENSUREPIP = f'case "$*" in *ensurepip*) exit 1 ;; esac; exec "{sys.executable}" "$@"'


def test_a_python_that_only_pretends_is_passed_over(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3.13", REFUSES)
    good = fake_python(tmp_path / "bin", "python3.12", GOOD)
    assert find_python(tmp_path / "bin", tmp_path).stdout.strip() == str(good)


def test_pyenvs_folders_are_searched(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3", TOO_OLD)
    good = fake_python(tmp_path / ".pyenv" / "versions" / "3.12.4" / "bin", "python3.12", GOOD)
    assert find_python(tmp_path / "bin", tmp_path).stdout.strip() == str(good)


def test_a_named_python_comes_first(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3.13", GOOD)
    named = fake_python(tmp_path / "mine", "python", GOOD)
    assert find_python(tmp_path / "bin", tmp_path, CLIPROXY_PYTHON=str(named)).stdout.strip() == str(named)


def test_a_python_without_venv_names_the_package(tmp_path: Path) -> None:
    lacking = fake_python(tmp_path / "bin", "python3.12", NO_ENSUREPIP)
    done = find_python(tmp_path / "bin", tmp_path, CLIPROXY_PYTHON=str(lacking))
    assert done.returncode == 1
    assert "apt-get install python3.12-venv" in done.stderr


def test_no_python_says_what_to_install(tmp_path: Path) -> None:
    old = fake_python(tmp_path / "bin", "python3", TOO_OLD)
    done = find_python(tmp_path / "bin", tmp_path, CLIPROXY_PYTHON=str(old))
    assert done.returncode == 1
    assert "needs Python 3.12 or newer" in done.stderr


def listen(config: str = "", host: str = "", port: str = "", *, cwd: Path) -> subprocess.CompletedProcess[str]:
    return call(sys.executable, SCRIPTS / "lib" / "listen.py", config, host, port, cwd=cwd)


def test_the_configuration_says_where_to_listen(tmp_path: Path) -> None:
    one, other = free_port(), free_port()
    (tmp_path / "config.yaml").write_text(f"port: {one}\n")
    assert listen(cwd=tmp_path).stdout == f"127.0.0.1 {one}\n"
    (tmp_path / "other.yaml").write_text(f'host: "localhost"\nport: {other}\n')
    assert listen("other.yaml", cwd=tmp_path).stdout == f"localhost {other}\n"
    assert listen("other.yaml", "127.0.0.1", str(one), cwd=tmp_path).stdout == f"127.0.0.1 {one}\n"


@pytest.mark.parametrize(
    ("config", "host", "port", "said"),
    [
        ("port: many", "", "", "config.yaml:1:7: error: port: should be a whole number"),
        ("", "0.0.0.0", "", "0.0.0.0 can be reached from other machines"),
        ("", "", "many", "--port many: should be a number"),
        ("tls: {enable: true, cert: none.pem, key: none.pem}", "", "", "'none.pem' cannot be read"),
    ],
)
def test_nothing_starts_that_cannot_work(config: str, host: str, port: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(config)
    done = listen("", host, port, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        done = listen("", "", str(port), cwd=tmp_path)
    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 cannot be had" in done.stderr
    assert "scripts/serve --port N" in done.stderr


def test_the_doctor_of_the_scripts_is_the_one_of_the_addons() -> None:
    assert '-P -m addons.config.doctor "$@"' in (SCRIPTS / "doctor").read_text()


def test_the_page_of_failures_is_the_table() -> None:
    """If not: scripts/lib/failure_table.py writes it anew."""
    done = call(sys.executable, SCRIPTS / "lib" / "failure_table.py", "--check", cwd=ROOT)
    assert done.returncode == 0


def test_the_page_of_translations_is_what_the_translators_do() -> None:
    """If not: scripts/lib/translation_table.py writes it anew."""
    done = call(sys.executable, SCRIPTS / "lib" / "translation_table.py", "--check", cwd=ROOT)
    assert done.returncode == 0
