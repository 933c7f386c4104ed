# Shared by the scripts beside it: finds a Python, makes .venv and keeps it in step with the lock files.
# Sourced, not run. bash 3.2 (macOS) and POSIX tools only. The caller has set ROOT to the repository's folder.

VENV="$ROOT/.venv"
PYTHON_NAMES="python3.13 python3.12 python3.14 python3 python"

say() { printf '%s\n' "cliproxy: $*" >&2; }

fail() {
    say "$1"
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# python_answers COMMAND CODE: does it really run (a pyenv shim may exist and refuse) and is CODE true in it?
python_answers() {
    "$1" -c "import sys; sys.exit(0 if ($2) else 1)" </dev/null >/dev/null 2>&1
}

is_new_enough() { python_answers "$1" "sys.version_info >= (3, 12)"; }

# Debian leaves ensurepip out of python3.x: such a Python cannot make a venv with pip in it.
can_make_venv() { python_answers "$1" "__import__('ensurepip') and __import__('venv')"; }

# Candidates, best first, one a line: what the user named, names on PATH, then pyenv's and Homebrew's folders.
list_pythons() {
    if [ -n "${CLIPROXY_PYTHON:-}" ]; then
        printf '%s\n' "$CLIPROXY_PYTHON"
        return
    fi
    for name in $PYTHON_NAMES; do
        command -v "$name" 2>/dev/null || true
    done
    local pyenv="${PYENV_ROOT:-$HOME/.pyenv}/versions"
    for folder in "$pyenv"/3.13*/bin "$pyenv"/3.12*/bin "$pyenv"/3.1[4-9]*/bin /opt/homebrew/bin /usr/local/bin; do
        for name in $PYTHON_NAMES; do
            if [ -x "$folder/$name" ]; then
                printf '%s\n' "$folder/$name"
                break
            fi
        done
    done
}

# Prints the first Python that will do; fails with what to install if there is none. uv needs no ensurepip.
find_python() {
    local candidate lacking=""
    while IFS= read -r candidate; do
        is_new_enough "$candidate" || continue
        if has_uv || can_make_venv "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
        [ -n "$lacking" ] || lacking="$candidate"
    done <<EOF
$(list_pythons)
EOF
    if [ -n "$lacking" ]; then
        fail "$lacking cannot make virtual environments (no ensurepip)." \
            "On Debian and Ubuntu: sudo apt-get install $(basename "$lacking")-venv"
    fi
    fail "needs Python 3.12 or newer; none was found on PATH or under ~/.pyenv." \
        "With uv:     https://docs.astral.sh/uv/  (then run this again: uv brings its own Python)" \
        "macOS:       brew install python@3.13" \
        "pyenv:       pyenv install 3.13" \
        "Fedora:      sudo dnf install python3.13" \
        "Debian 12, whose python3 is 3.11: uv or pyenv; Debian 13: sudo apt-get install python3-venv" \
        "Installed somewhere else? Say so: CLIPROXY_PYTHON=/path/to/python3.13 $0"
}

has_uv() { command -v uv >/dev/null 2>&1; }

make_venv() {
    local python
    rm -rf "$VENV"
    if has_uv; then
        python="$(find_python 2>/dev/null)" || python=3.13 # uv gets one
        say "making .venv with uv and Python $python"
        uv venv --quiet --no-config --no-project --python "$python" "$VENV" >&2 ||
            fail "uv could not make .venv: see above."
    else
        python="$(find_python)" || exit 1
        say "making .venv with $("$python" --version 2>&1) ($python)"
        "$python" -m venv "$VENV" >&2 || fail "could not make .venv: see above."
    fi
}

# install_locked FILE: exactly the locked versions, each archive checked against its hash.
install_locked() {
    say "installing $(grep -c '^[a-zA-Z]' "$1") packages from $(basename "$1") (a minute or two the first time)"
    if has_uv; then
        uv pip install --quiet --no-config --python "$VENV/bin/python" --require-hashes -r "$1" >&2
    else
        "$VENV/bin/python" -m pip install --quiet --quiet --progress-bar off --disable-pip-version-check --no-input \
            --require-hashes -r "$1" >&2
    fi || fail "the installation failed: see above. Running this again goes on where it stopped."
}

# What .venv was made from, as text: compared whole, so that no hashing tool is needed.
describe_environment() {
    printf '%s\n' "$ROOT"
    grep -i '^version' "$VENV/pyvenv.cfg" 2>/dev/null
    cat "$1"
}

is_fresh() {
    [ -x "$VENV/bin/python" ] && [ -f "$2" ] && describe_environment "$1" | cmp -s - "$2"
}

# One set-up at a time: a second script waits. A lock whose owner is gone is taken over.
take_lock() {
    local lock="$ROOT/.venv.lock" owner told=""
    while ! (set -C; printf '%s\n' "$$" >"$lock") 2>/dev/null; do
        owner="$(cat "$lock" 2>/dev/null || true)"
        if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
            rm -f "$lock"
            continue
        fi
        [ -n "$told" ] || say "waiting for another set-up (process ${owner:-?})"
        told=yes
        sleep 1
    done
    trap 'rm -f "$ROOT/.venv.lock"' EXIT
    trap 'exit 130' INT TERM
}

release_lock() {
    rm -f "$ROOT/.venv.lock"
    trap - EXIT INT TERM
}

# ensure_environment run|test: afterwards $VENV/bin has what is needed. Costs some milliseconds if nothing changed.
ensure_environment() {
    local lock stamp
    case "$1" in
        run) lock="$ROOT/requirements.lock" ;;
        test) lock="$ROOT/requirements-test.lock" ;;
    esac
    stamp="$VENV/cliproxy-$1.stamp"
    is_fresh "$lock" "$stamp" && return
    take_lock
    if ! is_fresh "$lock" "$stamp"; then
        if ! { [ -x "$VENV/bin/python" ] && is_new_enough "$VENV/bin/python" && made_here; }; then
            make_venv
        fi
        install_locked "$lock"
        add_root_to_path
        describe_environment "$lock" >"$stamp"
        if [ "$1" = test ]; then # the test lock holds everything of the other
            describe_environment "$ROOT/requirements.lock" >"$VENV/cliproxy-run.stamp"
        fi
        say "ready"
    fi
    release_lock
}

# A venv that was moved or copied has the old place written into its programs.
made_here() {
    "$VENV/bin/python" -c 'import os, sys; sys.exit(os.path.realpath(sys.prefix) != os.path.realpath(sys.argv[1]))' \
        "$VENV" && grep -qF "$ROOT/.venv" "$VENV/bin/activate" 2>/dev/null
}

# Lets .venv/bin/python import addons, translators … from anywhere, with no build step.
add_root_to_path() {
    local packages
    packages="$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
    printf '%s\n' "$ROOT" >"$packages/cliproxy.pth"
}
