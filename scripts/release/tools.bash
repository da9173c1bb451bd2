# Sourced by the scripts beside it: where things are, and what tools.lock pins, in .venv-release.
#   $root, $release   the repository, and this folder
#   $tools            programs of .venv-release; made anew where the lock or Python has changed
set -euo pipefail
release=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$release/../.." && pwd)
tools=$root/.venv-release/bin
# shellcheck source=scripts/locked.bash
source "$root/scripts/locked.bash"

install_tools() {
    local python=${PYTHON:-python3} wanted
    wanted=$(cat "$release/tools.lock" <("$python" --version) <(echo "$root") | cksum)
    if [ "$(cat "$tools/../installed-by-scripts" 2> /dev/null)" != "$wanted" ]; then
        echo "Installing what releases need into .venv-release: a minute."
        "$python" -m venv --clear "$root/.venv-release"
        install_locked "$root/.venv-release" -r "$release/tools.lock"
        echo "$wanted" > "$tools/../installed-by-scripts"
    fi
}

# uv, by this command line and nothing else: no settings of whoever runs it.
uv() { "$tools/uv" --no-config --quiet "$@"; }
