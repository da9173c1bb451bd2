"""Federated credentials, checked for form: `--github` and `--federated-…`.

Entra ID accepts a wrong subject, and then refuses every token (AADSTS700213).
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from mct_s2s.errors import DOCS, UsageError, about, contradiction, malformed
from mct_s2s.model.client_credentials import GITHUB, Federation

LONGEST = 600
"""Characters of issuer, subject and audience: docs/azure-contract.md, section 3.5."""
KUBERNETES = "system:serviceaccount:"

_LABEL = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_SERVICE_ACCOUNT = re.compile(f"{KUBERNETES}{_LABEL}:{_LABEL}")
"""Source: kubernetes.io/docs/concepts/overview/working-with-objects/names."""

_SITES = ("https://github.com/", "git@github.com:", "ssh://git@github.com/")
_OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?"
_REPOSITORY = r"(?!\.{1,2}(?![A-Za-z0-9._-]))[A-Za-z0-9._-]{1,100}"
"""GitHub's own limits: 39 characters for an owner, 100 for a repository.

A repository is neither `.` nor `..`.
"""
_ID = r"[1-9][0-9]{0,19}"
_NAMED = re.compile(rf"{_OWNER}/{_REPOSITORY}|{_OWNER}@{_ID}/{_REPOSITORY}@{_ID}")
_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[/.]|[/.]$|/\.|\.lock(?:/|$)")
"""Source: git-check-ref-format(1)."""

_ON_BRANCH = re.compile(r"repo:([^:]*):ref:refs/heads/(.*)")
_PLAIN_BRANCH = re.compile(r"[A-Za-z0-9._/#@+-]+")


def federated_spec(
    issuer: str | None, subject: str | None, audience: str | None, github: str | None
) -> Federation:
    """The federated credential that the four options mean.

    Raises UsageError: they say nothing, two things, or what could never match.
    """
    if audience is not None:
        _check("audience", audience, {})
    if github is not None:
        if issuer is not None or subject is not None:
            raise contradiction(
                "--github cannot be combined with --federated-issuer or --federated-subject."
            )
        return Federation(GITHUB, github_subject(github), audience or "")
    if issuer is None or subject is None:
        raise UsageError(
            "federation-incomplete",
            "A federated credential needs an issuer and a subject.",
            remedy="Add --github OWNER/REPO, or --federated-issuer URL and --federated-subject "
            "TEXT.",
        )
    is_account = (
        not subject.startswith(KUBERNETES) or _SERVICE_ACCOUNT.fullmatch(subject) is not None
    )
    expected = {
        "an https URL without a query, exactly as in the token's 'iss' claim": _is_https(issuer),
        f"GitHub's issuer without a slash at its end: {GITHUB}": issuer.rstrip("/") != GITHUB
        or issuer == GITHUB,
    }
    _check("issuer", issuer, expected)
    expected = {
        "the complete subject: Entra ID does not support wildcards": "*" not in subject,
        f"{KUBERNETES}NAMESPACE:NAME, both in lower case": is_account,
    }
    _check("subject", subject, expected)
    return Federation(issuer, subject, audience or "")


@about("github")
def github_subject(text: str) -> str:
    """The subject of a repository's workflows on a branch. Raises UsageError.

    It takes `OWNER/REPO[:branch]`, the same with GitHub's ids, `OWNER@ID/REPO@ID[:branch]`, or an
    address.
    """
    repository_text = text
    for site in _SITES:
        if text.startswith(site):
            repository_text = (
                text.removeprefix(site).rstrip("/").removesuffix(".git").replace("/tree/", ":", 1)
            )
    repository, colon, branch = repository_text.partition(":")
    branch = branch if colon else "main"
    if _NAMED.fullmatch(repository) is None or not branch or _NO_BRANCH.search(branch):
        remedy = (
            "Use --github OWNER/REPO or --github OWNER/REPO:branch, or for a repository with "
            "immutable subjects "
        )
        remedy += (
            "--github OWNER@ID/REPO@ID:branch. For tags, pull requests and environments, use "
            "--federated-issuer "
        )
        remedy += f"{GITHUB} with --federated-subject."
        raise malformed("malformed-repository", "--github", text, remedy)
    return f"repo:{repository}:ref:refs/heads/{branch}"


def describe_federation(federation: Federation) -> str:
    """Say whose tokens a federated credential accepts: in words, where GitHub's subject has an
    ordinary form.
    """
    issuer, subject = federation.issuer, federation.subject
    branch = _ON_BRANCH.fullmatch(subject) if issuer == GITHUB else None
    # Anything else is shown as it is: a reader has to see what a subject does not say.
    if branch is None or not _NAMED.fullmatch(branch[1]) or not _PLAIN_BRANCH.fullmatch(branch[2]):
        return f"{subject} of {issuer}"
    return f"GitHub {branch[1]}, branch {branch[2]}"


def describe_missing_ids(federation: Federation) -> Iterator[str]:
    """Say when GitHub's tokens have IDs in their subject that this credential does not name.

    Source: learn.microsoft.com/entra/workload-id/workload-identities-github-immutable-subjects.
    """
    branch = _ON_BRANCH.fullmatch(federation.subject) if federation.issuer == GITHUB else None
    if branch is None or "@" in branch[1]:
        return
    yield (
        f"If '{branch[1]}' was created, renamed or transferred on 2026-07-15 or later, GitHub's "
        "tokens have its IDs in their subject, and Entra ID refuses them (AADSTS700213): name it "
        f"OWNER@ID/REPO@ID then. How to get the IDs: {DOCS}credentials.md"
    )


def _is_https(issuer: str) -> bool:
    try:
        parts = urlsplit(issuer)
        is_url = (
            parts.scheme == "https"
            and parts.hostname
            and parts.username is None
            and (parts.port or 1) > 0
        )
    except ValueError:
        return False
    return bool(is_url) and not {"?", "#"} & set(issuer)


def _check(name: str, value: str, expected: Mapping[str, bool]) -> None:
    is_text = (
        bool(value) and value == value.strip() and value.isprintable() and len(value) <= LONGEST
    )
    expected = {
        f"1 to {LONGEST} printable characters, without spaces around them": is_text,
        **expected,
    }
    for what, is_met in expected.items():
        if not is_met:
            shown = value if len(value) <= 80 else f"{value[:79]}…"
            message = f"Invalid --federated-{name} '{shown}': it can never match a token."
            with about(f"federated-{name}"):
                raise UsageError("malformed-federation", message, remedy=f"Expected: {what}.")
