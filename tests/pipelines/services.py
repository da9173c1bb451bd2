"""Services of others, played on this machine: HTTP, and GitHub and Azure DevOps as far as the steps
ask them.

Sources: docs.github.com/actions/reference/security/oidc, /rest/issues/comments,
/rest/commits/statuses, /rest/commits, /rest/pulls/pulls, /rest/pulls/reviews,
/rest/collaborators/collaborators#get-repository-permissions-for-a-user,
/rest/actions/workflow-runs; learn.microsoft.com/rest/api/azure/devops/git/pull-request-threads.
"""

import http.server
import itertools
import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    bearer: str
    body: Any


class HttpService(ABC):
    """Answers while the block lasts; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.failures: list[Answer] = []
        """Answers that come first, in the place of its own."""

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """Its own answer: status and JSON."""

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                address = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
                asked = Asked(
                    self.command, address.path, dict(parse_qsl(address.query)), bearer, body
                )
                service.asked.append(asked)
                status, document = (
                    service.failures.pop(0) if service.failures else service.answer(asked)
                )
                self.send_response(status)
                if status in {301, 302}:
                    self.send_header("Location", document)
                # As compact as theirs
                content = json.dumps(document, separators=(",", ":")).encode()
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = handle_one  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


BOT = {"login": "github-actions[bot]", "type": "Bot"}
WRITTEN = {"creator": BOT, "created_at": "2026-11-25T11:00:00Z"}
TOKEN, OIDC_TOKEN = "the-jobs-token", "opens-the-oidc-service"
REPOSITORY = "contoso/learn"


class GitHub(HttpService):
    """One repository. Whoever has the token of a workflow writes in the name of the bot."""

    def __init__(self, token_for: Callable[[str], str] = lambda _: "an-oidc-token") -> None:
        super().__init__()
        self.token_for = token_for
        self.subject = ""
        self.comments: list[dict[str, Any]] = []
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.pulls: dict[str, list[dict[str, Any]]] = {}
        """Of a commit on main."""
        self.closed_pulls: list[dict[str, Any]] = []
        """Without a merge."""
        self.authors: list[dict[str, Any]] = []
        """Author and committer of each commit of the pull request."""
        self.reviews: list[dict[str, Any]] = []
        self.permissions = {"ada": "write"}
        """Of people that GitHub knows, by login: `admin`, `write`, `read` or `none`, whatever their
        role is called.
        """
        self.runs: dict[str, dict[str, Any]] = {}
        self.refused: set[str] = set()
        """Paths that the token may not read."""

    def environment(self, commit: str = "c" * 40) -> dict[str, str]:
        """What the runner sets for each step."""
        return {
            "GITHUB_ACTIONS": "true",
            "CI": "true",
            "GITHUB_API_URL": self.address,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "4711",
            "GITHUB_SHA": commit,
            "GITHUB_REF_NAME": "main",
        }

    def oidc(self, subject: str) -> dict[str, str]:
        """What a job with `id-token: write` has besides."""
        self.subject = subject
        url = f"{self.address}/token?api-version=2.0"
        return {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": OIDC_TOKEN}

    def merged(self, commit: str, reviewed: str, number: int = 7, **changed: Any) -> None:
        """A pull request whose merge is the commit."""
        pull = {
            "number": number,
            "merged_at": "2026-11-26T00:00:00Z",
            "merge_commit_sha": commit,
            "head": {"sha": reviewed, "ref": "import"},
            "base": {"ref": "main"},
        }
        self.pulls.setdefault(commit, []).append({**pull, **changed})

    def approved(self, commit: str, at: str = "2026-11-25T12:00:00Z", **changed: Any) -> None:
        """A review of a commit, and the run that has planned it."""
        review = {
            "state": "APPROVED",
            "commit_id": commit,
            "submitted_at": at,
            "author_association": "MEMBER",
        }
        self.reviews.append({**review, "user": {"login": "ada"}, **changed})
        path = ".github/workflows/mct-plan.yml"
        run = {"event": "pull_request", "head_sha": commit, "conclusion": "success", "path": path}
        more = {"head_branch": "import", "actor": {"login": "eve"}}
        self.runs.setdefault("4711", {**run, **more})

    def answer(self, asked: Asked) -> Answer:
        """One request."""
        if asked.path == "/token":
            assert asked.bearer == OIDC_TOKEN
            return 200, {"count": 1, "value": self.token_for(self.subject)}
        if asked.bearer != TOKEN:
            return 401, {"message": "Bad credentials"}
        path = asked.path.removeprefix(f"/repos/{REPOSITORY}")
        if path in self.refused:
            return 403, {"message": "Resource not accessible by integration"}
        page = slice(
            (int(asked.query.get("page", "1")) - 1) * 100, int(asked.query.get("page", "1")) * 100
        )
        if match := re.fullmatch(r"/issues/(\d+)/comments", path):
            return self._comment(asked) if asked.method == "POST" else (200, self.comments[page])
        if match := re.fullmatch(r"/issues/comments/(\d+)", path):
            (comment,) = (comment for comment in self.comments if comment["id"] == int(match[1]))
            if comment["user"] != BOT:
                return 403, {"message": "Resource not accessible by integration"}
            comment["body"] = asked.body["body"]
            return 200, comment
        if match := re.fullmatch(r"/statuses/(\w+)", path):
            self.statuses.setdefault(match[1], []).insert(0, {**asked.body, **WRITTEN})
            return 201, {}
        if path == "/pulls":
            assert (asked.query["state"], asked.query["head"]) == ("all", "contoso:import")
            pulls = [*itertools.chain(*self.pulls.values()), *self.closed_pulls]
            return 200, [pull for pull in pulls if pull["head"]["ref"] == "import"][page]
        return self._read(path, page)

    def _read(self, path: str, page: slice) -> Answer:
        """What a token with the rights to read gets."""
        if match := re.fullmatch(r"/commits/(\w+)/statuses", path):
            return 200, self.statuses.get(match[1], [])[page]
        if re.fullmatch(r"/pulls/\d+/reviews", path):
            return 200, self.reviews[page]
        if re.fullmatch(r"/pulls/\d+/commits", path):
            return 200, self.authors[page]
        if (match := re.fullmatch(r"/collaborators/([^/]+)/permission", path)) and match[
            1
        ] in self.permissions:
            return 200, {"permission": self.permissions[match[1]]}
        if (match := re.fullmatch(r"/actions/runs/(\d+)", path)) and match[1] in self.runs:
            return 200, self.runs[match[1]]
        if match := re.fullmatch(r"/commits/(\w+)/pulls", path):
            return 200, self.pulls.get(match[1], [])
        return 404, {"message": "Not Found"}

    def _comment(self, asked: Asked) -> Answer:
        if len(asked.body["body"]) > 65_536:
            return 422, {"message": "body is too long"}
        self.comments.append(
            {"id": 100 + len(self.comments), "user": BOT, "body": asked.body["body"]}
        )
        return 201, self.comments[-1]


ACCESS = "system-access-token"
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
        if asked.bearer != ACCESS or asked.query.get("api-version") != "7.1":
            return 401, None
        if (asked.method, asked.path) == ("POST", "/oidc"):
            return 200, {"oidcToken": self.token_for(asked.query["serviceConnectionId"])}
        if asked.path == _THREADS and asked.method == "GET":
            return 200, {"value": self.threads, "count": len(self.threads)}
        if asked.path == _THREADS:
            comments = [{"id": 1, **comment} for comment in asked.body["comments"]]
            self.threads.append(
                {"id": 1 + len(self.threads), "isDeleted": False, "comments": comments}
            )
            return 200, self.threads[-1]
        match = re.fullmatch(rf"{_THREADS}/(\d+)/comments/(\d+)", asked.path)
        assert match, asked
        assert asked.method == "PATCH"
        if int(match[1]) in self.others:
            return 403, {"message": "TF401027: You need the Git 'PullRequestContribute' permission"}
        (thread,) = (thread for thread in self.threads if thread["id"] == int(match[1]))
        thread["comments"][0]["content"] = asked.body["content"]
        return 200, thread["comments"][0]
