"""Repositories on GitHub, and the subjects of their workflows' tokens.

Sources: learn.microsoft.com/entra/workload-id/workload-identities-github-immutable-subjects (repositories created,
renamed or transferred since 2026-07-15 have the ids of owner and repository in the subject);
docs.github.com/actions/reference/security/oidc, "Example subject claims".
"""

from __future__ import annotations

import re

_SITES = ("https://github.com/", "git@github.com:", "ssh://git@github.com/")
_OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?"
_REPOSITORY = r"(?!\.{1,2}(?![A-Za-z0-9._-]))[A-Za-z0-9._-]{1,100}"
"""GitHub's own limits: 39 characters for an owner, 100 for a repository, which is neither `.` nor `..`."""
_ID = r"[1-9][0-9]{0,19}"
_PLAIN = re.compile(rf"({_OWNER})/({_REPOSITORY})")
_IMMUTABLE = re.compile(rf"{_OWNER}@{_ID}/{_REPOSITORY}@{_ID}")
_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[/.]|[/.]$|/\.|\.lock(?:/|$)")
"""Source: git-check-ref-format(1)."""
_SUBJECT = re.compile(r"repo:([^:]+):ref:refs/heads/(.+)")


def is_repository(owner: str, repository: str) -> bool:
    """Whether a repository on GitHub can be called so."""
    return _PLAIN.fullmatch(f"{owner}/{repository}") is not None


def branch_subject(text: str) -> str | None:
    """The subject of a workflow on a branch, `main` unless another is named.

    Args:
        text: `OWNER/REPO[:branch]`, or with the ids that GitHub never gives twice, `OWNER@ID/REPO@ID[:branch]`; or the
            address of the repository as a browser or Git shows it, or that of a branch.

    Returns:
        `None` where it is neither.
    """
    for site in _SITES:
        if text.startswith(site):
            text = text.removeprefix(site).rstrip("/").removesuffix(".git").replace("/tree/", ":", 1)
    repository, colon, branch = text.partition(":")
    branch = branch if colon else "main"
    known = _PLAIN.fullmatch(repository) or _IMMUTABLE.fullmatch(repository)
    if known is None or not branch or _NO_BRANCH.search(branch):
        return None
    return f"repo:{repository}:ref:refs/heads/{branch}"


def branch_of(subject: str) -> str | None:
    """The text that `branch_subject` makes this subject of; `None` where it is none of a branch."""
    found = _SUBJECT.fullmatch(subject)
    text = f"{found[1]}:{found[2]}" if found else ""
    return text if branch_subject(text) == subject else None
