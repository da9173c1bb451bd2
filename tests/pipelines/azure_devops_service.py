"""Azure DevOps, as far as the steps ask it: threads of a pull request.

Source: learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.pipelines.http_service import Answer, Asked, HttpService

TOKEN = "system-access-token"
_THREADS = "/project/_apis/git/repositories/repo/pullRequests/12/threads"


class AzureDevOps(HttpService):
    """One pull request. Comments of `others` can't be changed by a pipeline."""

    def __init__(self) -> None:
        super().__init__()
        self.token_for: Callable[[str], str] = lambda _: "an-oidc-token"
        """Of a service connection, by its id."""
        self.threads: list[dict[str, Any]] = []
        self.others: set[int] = set()

    def environment(self) -> dict[str, str]:
        """What the agent sets for each step."""
        return {
            "TF_BUILD": "True",
            "SYSTEM_COLLECTIONURI": f"{self.address}/",
            "SYSTEM_TEAMPROJECTID": "project",
            "BUILD_REPOSITORY_ID": "repo",
            "BUILD_REPOSITORY_PROVIDER": "TfsGit",
            "SYSTEM_PULLREQUEST_PULLREQUESTID": "12",
            "SYSTEM_OIDCREQUESTURI": f"{self.address}/oidc/",
        }

    def answer(self, asked: Asked) -> Answer:
        """One request."""
        if asked.bearer != TOKEN or asked.query.get("api-version") != "7.1":
            return 401, None
        if (asked.method, asked.path) == ("POST", "/oidc"):
            return 200, {"oidcToken": self.token_for(asked.query["serviceConnectionId"])}
        if asked.path == _THREADS and asked.method == "GET":
            return 200, {"value": self.threads, "count": len(self.threads)}
        if asked.path == _THREADS:
            comments = [{"id": 1, **one} for one in asked.body["comments"]]
            self.threads.append({"id": 1 + len(self.threads), "isDeleted": False, "comments": comments})
            return 200, self.threads[-1]
        found = re.fullmatch(rf"{_THREADS}/(\d+)/comments/(\d+)", asked.path)
        assert found, asked
        assert asked.method == "PATCH"
        if int(found[1]) in self.others:
            return 403, {"message": "TF401027: You need the Git 'PullRequestContribute' permission"}
        (thread,) = (one for one in self.threads if one["id"] == int(found[1]))
        thread["comments"][0]["content"] = asked.body["content"]
        return 200, thread["comments"][0]
