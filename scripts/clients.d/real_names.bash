# Sourced by scripts/clients: the clients that know no cloud but the public one, against the sandbox under Azure's own
# names. No port below 1024 and no hosts file is needed: a proxy leads programs in Python there, and `azure_names.cjs`
# those in Node.js. Everything else leads nowhere.
#   $javascript   where the packages for Node.js are; empty where there is no Node.js to run them

# Before the only proxy leads nowhere: afterwards nothing can be installed.
install_javascript() {
    local wanted
    javascript=
    if ! command -v node > /dev/null || ! command -v npm > /dev/null; then return; fi
    if ! node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then return; fi
    javascript=$(cd "$scripts/.." && pwd)/.venv-node
    wanted=$(cat "$scripts/clients.d/package-lock.json" <(node --version))
    if [ "$(cat "$javascript/installed-by-scripts" 2> /dev/null)" = "$wanted" ]; then return; fi
    echo "Installing the CLI for Microsoft 365 and the JavaScript SDKs into .venv-node: a minute or two."
    rm -rf "${javascript:?}"
    mkdir "$javascript"
    cp "$scripts"/clients.d/package{,-lock}.json "$javascript"
    npm ci --prefix "$javascript" --ignore-scripts --no-audit --no-fund --loglevel=error
    echo "$wanted" > "$javascript/installed-by-scripts"
}

serve_real_names() {
    stop_sandbox
    mct-s2s sandbox reset > /dev/null
    unset MCT_S2S_CLOUD AZURE_AUTHORITY_HOST AZURE_CORE_INSTANCE_DISCOVERY
    serve_sandbox --real-names
    unset MCT_S2S_CLOUD # the public cloud is the default
    export SANDBOX_PORT=$port SANDBOX=https://localhost:$port
    (cd "$scripts/.." && exec python -m tests.support.proxy "$port") > "$work/proxy" &
    proxy=$!
    until [ -s "$work/proxy" ]; do
        kill -0 "$proxy" || return 1
        sleep 0.1
    done
    HTTPS_PROXY=http://$(cat "$work/proxy")
    export HTTPS_PROXY https_proxy=$HTTPS_PROXY
    # For who has them in a hosts file, the sandbox's own exports lead past any proxy.
    export NO_PROXY=localhost,127.0.0.1 no_proxy=localhost,127.0.0.1
}

# in_node COMMAND…: through Node.js alone, with no proxy.
in_node() {
    env -u HTTPS_PROXY -u https_proxy NODE_OPTIONS="--require=$scripts/clients.d/azure_names.cjs" "$@"
}
sdks() { in_node node "$javascript/sdks.mjs" "$@"; }
m365() { in_node "$javascript/node_modules/.bin/m365" "$@" --output json; }
# As the command line of its own that it is, its secret can be seen by all: it opens this sandbox alone. With "=", as it may
# begin with "-".
sign_in_to_m365() {
    m365 login --authType secret --appId "$AZURE_CLIENT_ID" --tenant "$AZURE_TENANT_ID" "--secret=$AZURE_CLIENT_SECRET"
}

with_python() {
    local setup=(mct-s2s setup --client "S2S client" --managed-identity reports-func -y -o json)
    into settings-seed az webapp config appsettings list "${site[@]}"
    check "mct-s2s setup, told of no cloud" "${setup[@]}" --secret-to "file:$work/real.env"
    into status.json mct-s2s status -o json
    value audience "az webapp config appsettings list: the audience" az webapp config appsettings list "${site[@]}" \
        --query "[?name=='ServiceAuthAudience'].value | [0]" --output tsv
    value client "az webapp config appsettings list: the client" az webapp config appsettings list "${site[@]}" \
        --query "[?name=='ServiceApplicationIds'].value | [0]" --output tsv
    check "the saved secret opens the MCT API, a stranger's does not" checks call "$work/real.env" "$audience"
    check "mct-s2s verify" mct-s2s verify --credentials "$work/real.env"
}

# snippet LANGUAGE: a program that calls the MCT API with what is in $work/real.env.
snippet() { mct-s2s snippet "S2S client" --credentials "$work/real.env" --language "$@"; }
with_snippets() {
    into caller.sh snippet curl
    check "mct-s2s snippet --language curl runs as it is" env CURL_CA_BUNDLE="$SSL_CERT_FILE" sh "$work/caller.sh"
    into caller.py snippet python
    check "mct-s2s snippet --language python runs as it is" python "$work/caller.py"
}

with_vault() {
    check "mct-s2s add-client: its secret in a key vault" \
        mct-s2s add-client "Vault client" --secret-to keyvault:contoso-integrations -y
    into vault.py mct-s2s snippet "Vault client" --language python
    check "mct-s2s snippet: a program reads it from there" python "$work/vault.py"
    into app.sh mct-s2s snippet "Vault client" --language app-settings
    check "mct-s2s snippet --language app-settings: az sets them" \
        env APP=partner-portal GROUP=integrations sh "$work/app.sh"
    value reference "… with a reference to the secret" az webapp config appsettings list -n partner-portal \
        -g integrations --query "[?name=='AZURE_CLIENT_SECRET'].value | [0]" --output tsv
    check "… that is one of Key Vault's" test "${reference#@Microsoft.KeyVault(SecretUri=https://}" != "$reference"
}

with_javascript_sdks() {
    local read=$work/javascript
    cp "$scripts/clients.d/sdks.mjs" "$javascript" # beside the packages that it imports
    mkdir -p "$read"
    cp "$work/status.json" "$read"
    check "Graph client and arm-appservice read the trust that mct-s2s made" \
        sdks read-back "$read" "$audience" "$client"
    check "… and it is the one that mct-s2s reported" checks read-back "$read" "$tenant" "$domain"
    check "… with every other setting as it was" checks foreign-settings "$work/settings-seed" "$read/settings-ours"
    check "… and a client by hand: registration, secret, consent, allow list" \
        sdks make-client "JavaScript client" "$audience" "$work/javascript.json"
    into settings-sdks az webapp config appsettings list "${site[@]}"
    check "… which left every other setting as it was" \
        checks foreign-settings "$work/settings-seed" "$work/settings-sdks"
    check "@azure/identity: its secret opens the MCT API" sdks call "$work/javascript.json" "$audience"
    check "mct-s2s finds that client, allowed and consented" \
        checks finds-client "$work/javascript.json" "JavaScript client"
}

with_m365() {
    check "m365 login: a service principal by its secret" sign_in_to_m365
    check "m365 entra app get: the service application" into api.json m365 entra app get --appId "${audience#api://}"
    check "m365 entra app role list: its role" into roles.json m365 entra app role list --appId "${audience#api://}"
    check "m365 entra enterpriseapp get: its service principal" \
        into api-principal.json m365 entra enterpriseapp get --id "${audience#api://}"
    check "m365 entra approleassignment list: the client's consent" \
        into consents.json m365 entra approleassignment list --appId "$client"
    check "… they are what mct-s2s reported" checks m365-read-back "$work" "$client"
    check "m365 entra app add: a client with a secret and admin consent" into m365.json m365 entra app add \
        --name "M365 client" --withSecret --apisApplication "$audience/S2SAppRole" --grantAdminConsent
    check "mct-s2s add-client: only its place on the allow list was missing" \
        checks adds-client "$work/m365.json"
    check "its secret opens the MCT API" checks call "$work/m365.json" "$audience"
    check "mct-s2s finds that client, allowed and consented" checks finds-client "$work/m365.json" "M365 client"
}

clients_under_real_names() {
    echo; echo "── under Azure's own names"
    serve_real_names
    check "az cloud set: the public cloud" az cloud set --name AzureCloud
    check "az login" sign_in_to_az
    with_python
    with_snippets
    if [ -z "$javascript" ]; then
        with_vault
        echo "skip  the JavaScript SDKs and the CLI for Microsoft 365: Node.js 20 or newer, with npm, is not installed"
        return
    fi
    with_javascript_sdks
    with_m365
    with_vault
    check "mct-s2s status: healthy, with all of these clients" mct-s2s status
    check "none of them sent a secret where it has no business" checks no-leaks
}
