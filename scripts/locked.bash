# Sourced by whatever installs what a lock lists. A lock is a closure: nothing is resolved, no index is asked what is
# newest, and every file is one whose hash the lock has. The user's own settings say where files come from, and no more.
# -I: a module of the folder that this is called from, such as a pull request's pip.py, is not imported.
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME
unset PIP_REQUIRE_VIRTUALENV PIP_REQUIRE_HASHES PIP_CONSTRAINT PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT

# install_locked VENV OPTION…     what locks list, each named by -r
install_locked() {
    pip_install "$1" --no-compile --no-deps --require-hashes "${@:2}"
    tell_on_terminal "compiling"
    # Graph's SDK has 17,000 modules, two of which are used. What another Python is meant for does not compile here.
    "$1/bin/python" -I -m compileall -qq -x msgraph.generated "$1/lib" || true
    tell_on_terminal ""
}

# install_checkout VENV OPTION…   a folder with a pyproject.toml, built by what a lock has installed
install_checkout() { pip_install "$1" --no-deps --no-build-isolation --no-index "${@:2}"; }

pip_install() {
    local pip=("$1/bin/python" -I -m pip --disable-pip-version-check --no-input) said
    if [ -t 2 ]; then
        "${pip[@]}" install --progress-bar off "${@:2}" | show_packages
    else
        "${pip[@]}" install --quiet "${@:2}"
    fi
    said=$("${pip[@]}" check) || { echo "$said" >&2; return 1; }
}

# What pip says of each package, as one line that is written over: most of the time goes into downloads.
show_packages() {
    local word rest packages=0
    while read -r word rest; do
        case $word in
            Collecting) packages=$((packages + 1)); tell_on_terminal "package $packages: ${rest%% *}" ;;
            Installing) tell_on_terminal "unpacking" ;;
        esac
    done
    tell_on_terminal ""
}

tell_on_terminal() { if [ -t 2 ]; then printf '\r\033[K%s' "${1:+  $1}" >&2; fi; }
