# Sourced by scripts that drive a throwaway sandbox, most of them with the Azure CLI: both programs on PATH, the sandbox served and
# registered as a cloud, somebody signed in. From here on, whatever would leave this machine fails.
#   $work     a directory that goes away with the script
#   $server   the process that serves the sandbox, at $port; options of `sandbox serve` may be given

# shellcheck source=scripts/locked.bash
source "$scripts/locked.bash"

# install_ours [FOLDER]: `mct-s2s` on PATH, and after it what is in FOLDER
install_ours() {
    "$scripts/install" dev # as scripts/test does: it takes no tools away from whoever has them
    PATH=$(cd "$scripts/../.venv" && pwd)/bin:${1:+$1:}$PATH
}

install_both() {
    local venv=$scripts/../.venv-az wanted
    wanted=$(cat "$scripts/azure-cli.lock" <("${PYTHON:-python3}" --version) <(cd "$scripts/.." && pwd))
    if [ "$(cat "$venv/installed-by-scripts" 2> /dev/null)" != "$wanted" ]; then
        echo "Installing the Azure CLI into .venv-az: a minute or two."
        "${PYTHON:-python3}" -m venv --clear "$venv"
        install_locked "$venv" -r "$scripts/azure-cli.lock"
        echo "$wanted" > "$venv/installed-by-scripts"
    fi
    install_ours "$(cd "$venv" && pwd)/bin"
}

# Nothing of the user's own Azure is read or written, and the only proxy leads nowhere.
keep_to_ourselves() {
    local name
    for name in ${!MCT_S2S_*} ${!AZURE_*} ${!IDENTITY_*} ${!MSI_*} PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME; do
        unset "$name"
    done
    umask 077
    work=$(mktemp -d)
    export HOME=$work/home XDG_DATA_HOME=$work/data
    export MCT_S2S_SANDBOX_DIR=$work/sandbox AZURE_CONFIG_DIR=$work/az
    export HTTPS_PROXY=http://127.0.0.1:9 NO_PROXY=localhost,127.0.0.1
    export https_proxy=$HTTPS_PROXY no_proxy=$NO_PROXY
    export AZURE_CORE_COLLECT_TELEMETRY=false AZURE_CORE_ONLY_SHOW_ERRORS=true AZURE_CORE_SURVEY_MESSAGE=false
    export AZURE_CORE_INSTANCE_DISCOVERY=false # or the CLI asks login.microsoftonline.com about a host it does not know
    mkdir -p "$HOME"
}

serve_sandbox() {
    port=$(python -c 'import random; print(random.randrange(20000, 30000, 20))')
    : > "$work/served"
    mct-s2s sandbox serve --port "$port" "$@" >> "$work/served" 2>&1 &
    server=$!
    for _ in {1..600}; do
        if grep -q 'Sandbox ready' "$work/served"; then break; fi
        kill -0 "$server" 2> /dev/null || { cat "$work/served" >&2; return 1; }
        sleep 0.1
    done
    eval "$(mct-s2s sandbox env --port "$port" "$@")"
}

stop_sandbox() {
    if [ -n "${server:-}" ]; then { kill "$server" && wait "$server"; } 2> /dev/null || true; fi
    server=
}

register_cloud() {
    az cloud register --name sandbox --endpoint-resource-manager "$MCT_S2S_CLOUD" --output none
    az cloud set --name sandbox --output none
    graph=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)v1.0
}

# `az login` puts the value of --password on its command line for all to see, unless it is told to read a file; with "=",
# as the secret may begin with "-".
sign_in_to_az() {
    printf %s "$AZURE_CLIENT_SECRET" > "$work/administrator"
    az login --service-principal --username "$AZURE_CLIENT_ID" "--password=@$work/administrator" \
        --tenant "$AZURE_TENANT_ID" --output none
}

# As nearly everybody is: a person, by a device code that somebody approves in a browser.
sign_in_to_az_as_person() {
    local person=${1:-admin@contosolearning.onmicrosoft.com} code login
    : > "$work/device-code"   # read below, perhaps before az has opened it
    AZURE_CORE_ONLY_SHOW_ERRORS=false az login --use-device-code --tenant "$AZURE_TENANT_ID" --output none \
        2> "$work/device-code" &
    login=$!
    for _ in {1..300}; do
        code=$(sed -n 's/.*enter the code \([A-Z0-9]*\).*/\1/p' "$work/device-code")
        if [ -n "$code" ]; then break; fi
        sleep 0.1
    done
    curl --silent --show-error --fail --cacert "$SSL_CERT_FILE" --output /dev/null "$MCT_S2S_CLOUD/devicelogin" \
        --data-urlencode "user_code=$code" --data-urlencode "user=$person" --data action=approve
    wait "$login"
}

tidy_up() {
    stop_sandbox
    if [ -n "${proxy:-}" ]; then { kill "$proxy" && wait "$proxy"; } 2> /dev/null || true; fi
    rm -rf "${work:?}"
}
