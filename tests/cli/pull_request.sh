#!/bin/sh
# A pull request's life: what is reviewed is what is applied. Needs: mct-s2s on the PATH, a trust file $1, the file of its
# change $2, and a command $3 that changes something at the App Service meanwhile.
set -eu
trust=$1 change=$2 meanwhile=$3

expect_exit() {
    wanted=$1
    shift
    got=0
    "$@" || got=$?
    [ "$got" = "$wanted" ] || { echo "exit code $got, not $wanted: $*" >&2; exit 1; }
}

fingerprint_of() { sed -n 's/^Fingerprint: `\([0-9a-f]*\)`$/\1/p' "$1"; }

# main: everything is as the file says
expect_exit 0 mct-s2s apply -f "$trust" --yes --no-verify

# a pull request changes the file; its check plans it, and its comment shows the plan
cp "$change" "$trust"
expect_exit 3 mct-s2s apply -f "$trust" --prune --dry-run -o markdown >comment.md
reviewed=$(fingerprint_of comment.md)
grep -Eq '^  \+ client application +Reports' comment.md

# it is merged, but something has changed since the review: nothing is applied
sh -c "$meanwhile"
expect_exit 2 mct-s2s apply -f "$trust" --prune --expect "$reviewed" --yes -o json >refused.json
grep -q '"plan-not-expected"' refused.json

# reviewed again, and applied
expect_exit 3 mct-s2s apply -f "$trust" --prune --dry-run -o markdown >comment.md
expect_exit 0 mct-s2s apply -f "$trust" --prune --expect "$(fingerprint_of comment.md)" --yes --no-verify -o json >done.json
grep -q '"mct-s2s/apply/v1"' done.json

# the same job once more, and the next pull request's check: nothing to do
expect_exit 0 mct-s2s apply -f "$trust" --prune --expect "$(fingerprint_of comment.md)" --yes --no-verify
expect_exit 0 mct-s2s apply -f "$trust" --prune --dry-run -o markdown >comment.md
grep -q 'No changes' comment.md
