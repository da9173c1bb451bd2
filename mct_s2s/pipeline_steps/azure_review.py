"""A plan in a pull request of Azure Repos, as a thread.

Source: learn.microsoft.com/rest/api/azure/devops/git.

It is for people. No vote is read: the approvals of the environment decide, between the plan and its
use in one run.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mct_s2s.pipeline_steps.inputs import required
from mct_s2s.pipeline_steps.requests import RequestFailed, ask
from mct_s2s.pipeline_steps.shortening import shortened

COMMENT_BYTES = 140_000
"""Azure Repos refuses a comment of more than 150,000 characters."""
_VERSION = "api-version=7.1"
_MARKER = "<!-- mct-s2s plan -->"
_TEXT, _CLOSED = 1, 4
"""Kind of a comment; status of a thread that no one has to answer."""


def comment(environ: Mapping[str, str], plan: str) -> None:
    """Write the plan into the pull request, in the place of the one before."""
    token, threads = required(environ, "SYSTEM_ACCESSTOKEN"), _threads(environ)
    content = f"{_MARKER}\n" + shortened(plan, COMMENT_BYTES - len(_MARKER) - 1)
    for thread in ask("GET", f"{threads}?{_VERSION}", token)["value"]:
        first = next(iter(thread.get("comments") or []), None)
        if (
            first is None
            or thread.get("isDeleted")
            or not str(first.get("content") or "").startswith(_MARKER)
        ):
            continue
        if _replaced(f"{threads}/{int(thread['id'])}/comments/{int(first['id'])}", token, content):
            return
    opened = {
        "comments": [{"parentCommentId": 0, "content": content, "commentType": _TEXT}],
        "status": _CLOSED,
    }
    ask("POST", f"{threads}?{_VERSION}", token, opened)


def _replaced(address: str, token: str, content: str) -> bool:
    """Whether the comment was ours to replace: someone else may have begun one in the same way."""
    sent: Any = {"content": content}
    try:
        ask("PATCH", f"{address}?{_VERSION}", token, sent)
    except RequestFailed as error:
        if error.status in {401, 403}:
            return False
        raise
    return True


def _threads(environ: Mapping[str, str]) -> str:
    names = ("SYSTEM_TEAMPROJECTID", "BUILD_REPOSITORY_ID", "SYSTEM_PULLREQUEST_PULLREQUESTID")
    project, repository, number = (quote(required(environ, name), safe="") for name in names)
    collection = required(environ, "SYSTEM_COLLECTIONURI").rstrip("/")
    return (
        f"{collection}/{project}/_apis/git/repositories/{repository}/pullRequests/{number}/threads"
    )
