"""A plan in a pull request on GitHub, and later the fingerprint that was reviewed there.

The comment is for people. What main compares with is a status of the very commit that was approved.
Every workflow of the repository can write one: so all of them have to say the same, the first is of
a run of the plan's workflow for that commit in this pull request alone, and older than the
approval, which is by someone else than who pushed it or wrote one of its commits, and main shows
its own plan before anything is applied. Sources:
docs.github.com/rest/issues/comments, /rest/commits/statuses, /rest/pulls/reviews,
/rest/pulls/pulls, /rest/actions/workflow-runs,
/rest/commits/commits#list-pull-requests-associated-with-a-commit,
/rest/collaborators/collaborators#get-repository-permissions-for-a-user.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mct_s2s.pipeline_steps.hosts import Host
from mct_s2s.pipeline_steps.inputs import StepError, fingerprint, required
from mct_s2s.pipeline_steps.requests import RequestFailed, ask
from mct_s2s.pipeline_steps.shortening import shortened

BOT = "github-actions[bot]"
"""Who a workflow's own token is.

No person can write in its name, but every workflow of the repository can.
"""
COMMENT_BYTES = 65_000
"""GitHub refuses a comment of more than 65,536 characters."""
_ALIVE = re.compile(r"&#(?:64|35);")
"""An escaped `@` or `#`: GitHub looks for people and issues in what the Markdown comes to, where
they are no longer.
"""
_PAGES = 30
_DESCRIBED = re.compile(r"fingerprint ([0-9a-f]{64})")
_PLANS = re.compile(r"\.github/workflows/mct-plan\.yml(@.+)?")
"""The workflow that writes plans."""
_DECISIONS = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})
"""States of a review that stand until its author's next decision. A comment takes nothing back."""
_WRITING = frozenset({"admin", "write"})
"""Permissions to write.

GitHub says `write` of the role *maintain*, too, and a custom role has that of its base.
"""


def comment(environ: Mapping[str, str], _: Host) -> int:
    """Write the plan into the pull request, and its fingerprint beside the commit.

    A plan without one, as a site could not be planned, takes the place of an earlier one, too.
    """
    number, commit, base = (
        required(environ, f"STEP_{name}") for name in ("PULL_REQUEST", "COMMIT", "BASE")
    )
    plan_fingerprint = fingerprint(environ, "STEP_FINGERPRINT")
    if not plan_fingerprint:
        required(environ, "STEP_PLAN")
    api = _api(environ)
    token = _token(environ)
    run = _runs(environ) + required(environ, "GITHUB_RUN_ID")
    marker = f"<!-- mct-s2s plan {_name(environ).encode().hex()} -->"
    # GitHub hands on no output in which it sees a secret of the repository, such as a tenant's ID
    # that is kept as one.
    elsewhere = f"[The plan is in the page of its job.]({run}) Fingerprint: `{plan_fingerprint}`"
    plan = _ALIVE.sub(r"\g<0><!-- -->", environ.get("STEP_PLAN", "").strip() or elsewhere)
    body = f"{marker}\n" + shortened(
        plan, COMMENT_BYTES - len(marker) - 1, f"[The run has all of it.]({run})"
    )
    comments = f"{api}/issues/{int(number)}/comments"
    mine = next(
        (
            comment["id"]
            for comment in _listed(comments, token)
            if _is_ours(comment["user"], comment.get("body"), marker)
        ),
        None,
    )
    if mine is None:
        ask("POST", comments, token, {"body": body})
    else:
        ask("PATCH", f"{api}/issues/comments/{int(mine)}", token, {"body": body})
    if not plan_fingerprint:
        return 0
    status = {"state": "success", "context": _context(environ, base), "target_url": run}
    status["description"] = f"fingerprint {plan_fingerprint}"
    ask("POST", f"{api}/statuses/{quote(commit, safe='')}", token, status)
    return 0


def reviewed(environ: Mapping[str, str], host: Host) -> int:
    """Give the fingerprint of the plan in the pull request that this commit came from.

    One that an administrator types comes first: that is how a refused plan is applied after all.
    """
    host.output("fingerprint", fingerprint(environ, "STEP_EXPECT") or _reviewed(environ))
    return 0


def _reviewed(environ: Mapping[str, str]) -> str:
    commit, base = required(environ, "GITHUB_SHA"), required(environ, "GITHUB_REF_NAME")
    api = _api(environ)
    token = _token(environ)
    instead = "Look at a plan, then run this workflow with its fingerprint."
    pulls = [
        pull
        for pull in ask("GET", f"{api}/commits/{quote(commit, safe='')}/pulls?per_page=100", token)
        if pull.get("merged_at")
        and pull.get("merge_commit_sha") == commit
        and pull["base"]["ref"] == base
    ]
    if len(pulls) != 1:
        raise StepError(
            f"Commit {commit} is not the merge of one pull request: no one has reviewed it. "
            f"{instead}"
        )
    pull = pulls[0]
    head, number = str(pull["head"]["sha"]), int(pull["number"])
    approvals = _approvals(api, token, number, head)
    plans = [
        status
        for status in _listed(f"{api}/commits/{quote(head, safe='')}/statuses", token)
        if status["context"] == _context(environ, base)
        and status["creator"]["login"] == BOT
        and _DESCRIBED.fullmatch(status.get("description") or "")
    ]
    first = min(plans, key=lambda status: str(status["created_at"]), default=None)
    if not approvals:
        problem = "has no approval by someone who may write to this repository"
    elif first is None:
        problem = "has no plan"
    elif len({status["description"] for status in plans}) > 1:
        problem = "has plans that differ"
    elif first["created_at"] >= max(approvals.values()):
        problem = "has a plan that is newer than its last approval"
    elif (run := _plan_run(environ, first["target_url"], pull["head"])) is None:
        problem = "has a plan that no run of mct-plan.yml has written"
    elif (other := _other_pull(environ, pull)) is not None:
        problem = f"is also that of pull request #{other}, which may have another plan"
    elif not _has_other(approvals, {_pusher(run), *_authors(api, token, number)}, first):
        problem = (
            "has no approval since its plan but by people who pushed it or wrote commits of it"
        )
    else:
        return str(first["description"]).rpartition(" ")[2]
    raise StepError(f"The last commit of pull request #{number}, {head}, {problem}. {instead}")


def _has_other(approvals: Mapping[str, str], writers: Collection[str | None], plan: Any) -> bool:
    """Whether someone who wrote nothing of a pull request has approved it, after it was planned."""
    planned = plan["created_at"]
    return any(at > planned for login, at in approvals.items() if login not in writers)


def _other_pull(environ: Mapping[str, str], pull: Any) -> int | None:
    """The number of another pull request of the same branch and commit.

    Its base may hold another workflow, and nothing tells for which of them that has run: a run
    names no pull request that was merged or closed.
    """
    owner = required(environ, "GITHUB_REPOSITORY").partition("/")[0]
    head = quote(f"{owner}:{pull['head']['ref']}", safe="")
    address = f"{_api(environ)}/pulls"
    for other in _listed(address, _token(environ), f"state=all&head={head}&"):
        if other["number"] != pull["number"] and other["head"]["sha"] == pull["head"]["sha"]:
            return int(other["number"])
    return None


def _authors(api: str, token: str, number: int) -> Iterator[str]:
    """Those who wrote or committed the commits of a pull request, as far as GitHub knows them."""
    for commit in _listed(f"{api}/pulls/{number}/commits", token):
        for account in (commit["author"], commit["committer"]):
            if account:
                yield account["login"]


def _approvals(api: str, token: str, number: int, head: str) -> dict[str, str]:
    """When those who may write to the repository have approved this commit, unless they have taken
    it back since; by login.
    """
    reviews = [
        review
        for review in _listed(f"{api}/pulls/{number}/reviews", token)
        if review["state"] in _DECISIONS
    ]
    newest: dict[str, Any] = {}
    for review in sorted(reviews, key=lambda review: str(review["submitted_at"])):
        if review["user"] is not None:  # an account that is gone
            newest[review["user"]["login"]] = review
    return {
        login: str(review["submitted_at"])
        for login, review in newest.items()
        if review["state"] == "APPROVED"
        and review["commit_id"] == head
        and _may_write(api, token, login)
    }


def _may_write(api: str, token: str, login: str) -> bool:
    """Whether someone may write: anyone can approve in public, and members may only read."""
    try:
        permission = ask("GET", f"{api}/collaborators/{quote(login, safe='')}/permission", token)[
            "permission"
        ]
    except RequestFailed as error:
        if error.status == 404:
            return False
        raise
    return permission in _WRITING


def _plan_run(environ: Mapping[str, str], address: object, head: Any) -> Any | None:
    """The run at this address, if it has planned this commit of this branch, and has ended well."""
    number = str(address or "").removeprefix(_runs(environ))
    if not re.fullmatch(r"\d+", number):
        return None
    run = ask("GET", f"{_api(environ)}/actions/runs/{number}", _token(environ))
    facts = (run["event"], run["head_branch"], run["head_sha"], run["conclusion"])
    is_plan = _PLANS.fullmatch(run["path"]) is not None
    expected = ("pull_request", head["ref"], head["sha"], "success")
    return run if facts == expected and is_plan else None


def _pusher(run: Any) -> str | None:
    """Who pushed the commit of a run, or opened the pull request with it.

    That stays so where someone else runs it again. GitHub itself refuses an approval by the author
    of the pull request alone.
    """
    actor = run.get("actor")
    return actor["login"] if actor is not None else None


def _listed(address: str, token: str, query: str = "") -> Iterator[Any]:
    for page in range(1, _PAGES + 1):
        entries = ask("GET", f"{address}?{query}per_page=100&page={page}", token)
        yield from entries
        if len(entries) < 100:
            return
    # What was left out could be the review that takes an approval back.
    raise StepError(f"{address} lists more than {100 * _PAGES} entries.")


def _is_ours(user: Any, body: Any, marker: str) -> bool:
    return user is not None and user.get("login") == BOT and str(body or "").startswith(marker)


def _api(environ: Mapping[str, str]) -> str:
    return f"{required(environ, 'GITHUB_API_URL')}/repos/{required(environ, 'GITHUB_REPOSITORY')}"


def _token(environ: Mapping[str, str]) -> str:
    return required(environ, "STEP_GITHUB_TOKEN")


def _runs(environ: Mapping[str, str]) -> str:
    return (
        f"{required(environ, 'GITHUB_SERVER_URL')}/{required(environ, 'GITHUB_REPOSITORY')}/"
        "actions/runs/"
    )


def _name(environ: Mapping[str, str]) -> str:
    """What tells several plans of one pull request apart, such as a site."""
    return environ.get("STEP_NAME", "").strip()


def _context(environ: Mapping[str, str], base: str) -> str:
    """A branch's name has no blanks, so no name of a plan makes it that of another branch."""
    name = _name(environ)
    return f"mct-s2s plan for {base}" + (f" ({name})" if name else "")
