# Shared by what needs a browser: sourced after environment.sh, not run.

# ensure_chromium: installs Chromium, its driver and fonts where the machine is Debian's and ours to change. Otherwise
# it says what is missing; the tests that need a browser then skip, and fail under CI=true.
ensure_chromium() {
    if command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1; then
        return
    fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing chromium and chromium-driver (for the tests of the inspector)"
        {
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
                chromium chromium-driver fonts-dejavu-core fonts-noto-color-emoji
        } </dev/null >/dev/null 2>&1 && return
    fi
    say "no Chromium with its driver here: apt-get install chromium chromium-driver"
    return 1
}
