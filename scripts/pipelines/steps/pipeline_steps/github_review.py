"""A plan in a pull request on GitHub, and later the fingerprint that was reviewed there.

The comment is for people. What main compares with is the commit's status: it belongs to the very commit that was
reviewed, and unlike a comment can't be edited afterwards. Sources: docs.github.com/rest/issues/comments,
/rest/commits/statuses, /rest/commits/commits#list-pull-requests-associated-with-a-commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pipeline_steps.inputs import StepError, required
from pipeline_steps.requests import ask
from pipeline_steps.shortening import shortened

BOT = "github-actions[bot]"
"""Who a workflow's own token is. No person can write in its name, but every workflow of the repository can."""
COMMENT_BYTES = 65_000
"""GitHub refuses a comment of more than 65,536 characters."""
_ALIVE = re.compile(r"&#(?:64|35);")
"""An escaped `@` or `#`: GitHub looks for people and issues in what the Markdown comes to, where they are no longer."""
_PAGES = 30
_DESCRIBED = re.compile(r"fingerprint ([0-9a-f]{64})")


def comment(environ: Mapping[str, str]) -> None:
    """Write the plan into the pull request, in the place of the one before, and its fingerprint beside the commit.

    Raises:
        StepError: an input is missing.
        RequestFailed: GitHub refuses.
    """
    number, commit = required(environ, "STEP_PULL_REQUEST"), required(environ, "STEP_COMMIT")
    fingerprint, api, token = required(environ, "STEP_FINGERPRINT"), _api(environ), _token(environ)
    run = _run(environ)
    marker = f"<!-- mct-s2s plan {_name(environ).encode().hex()} -->"
    whole = f"[The run has all of it.]({run})"
    # GitHub hands on no output in which it sees a secret of the repository, such as a tenant's ID that is kept as one.
    plan = (
        environ.get("STEP_PLAN", "").strip()
        or f"[The plan is in the page of its job.]({run}) Fingerprint: `{fingerprint}`"
    )
    plan = _ALIVE.sub(r"\g<0><!-- -->", plan)
    body = f"{marker}\n" + shortened(plan, COMMENT_BYTES - len(marker) - 1, whole)
    there = f"{api}/issues/{int(number)}/comments"
    mine = next((one["id"] for one in _listed(there, token) if _is_ours(one["user"], one.get("body"), marker)), None)
    if mine is None:
        ask("POST", there, token, {"body": body})
    else:
        ask("PATCH", f"{api}/issues/comments/{int(mine)}", token, {"body": body})
    status = {
        "state": "success",
        "context": _context(environ),
        "description": f"fingerprint {fingerprint}",
        "target_url": run,
    }
    ask("POST", f"{api}/statuses/{quote(commit, safe='')}", token, status)


def reviewed(environ: Mapping[str, str]) -> str:
    """The fingerprint of the plan in the pull request that this commit came from.

    Raises:
        StepError: the commit came from no pull request, or that has no plan.
        RequestFailed: GitHub refuses.
    """
    commit, api, token = required(environ, "GITHUB_SHA"), _api(environ), _token(environ)
    pulls = [
        one
        for one in ask("GET", f"{api}/commits/{quote(commit, safe='')}/pulls?per_page=100", token)
        if one.get("merged_at") and one.get("merge_commit_sha") == commit
    ]
    if len(pulls) != 1:
        raise StepError(
            f"Commit {commit} is not the merge of one pull request, so no one has reviewed a plan for it. "
            "Look at a plan of it, then run this workflow by hand with its fingerprint."
        )
    head, number = str(pulls[0]["head"]["sha"]), int(pulls[0]["number"])
    for status in _listed(f"{api}/commits/{quote(head, safe='')}/statuses", token):  # the newest comes first
        found = _DESCRIBED.fullmatch(status.get("description") or "")
        if found and status["context"] == _context(environ) and status["creator"]["login"] == BOT:
            return found[1]
    raise StepError(
        f"The last commit of pull request #{number}, {head}, has no plan. "
        "Look at a plan of it, then run this workflow by hand with its fingerprint."
    )


def _listed(address: str, token: str) -> Iterator[Any]:
    for page in range(1, _PAGES + 1):
        found = ask("GET", f"{address}?per_page=100&page={page}", token)
        yield from found
        if len(found) < 100:
            return


def _is_ours(user: Any, body: Any, marker: str) -> bool:
    return user is not None and user.get("login") == BOT and str(body or "").startswith(marker)


def _api(environ: Mapping[str, str]) -> str:
    return f"{required(environ, 'GITHUB_API_URL')}/repos/{required(environ, 'GITHUB_REPOSITORY')}"


def _token(environ: Mapping[str, str]) -> str:
    return required(environ, "STEP_GITHUB_TOKEN")


def _run(environ: Mapping[str, str]) -> str:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (required(environ, name) for name in names)
    return f"{server}/{repository}/actions/runs/{run}"


def _name(environ: Mapping[str, str]) -> str:
    """What tells several plans of one pull request apart, such as a site."""
    return environ.get("STEP_NAME", "").strip()


def _context(environ: Mapping[str, str]) -> str:
    name = _name(environ)
    return f"mct-s2s plan ({name})" if name else "mct-s2s plan"
