"""`--github` and `--federated-…` into whose tokens are taken, checked for form: Entra takes a wrong one silently.

A subject that no one has is accepted when it is written, and fails only when a token is asked for (AADSTS700213).
Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mct_s2s.errors import UsageError, about
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
"""GitHub's own limits: 39 characters for an owner, 100 for a repository, which is neither `.` nor `..`."""
_ID = r"[1-9][0-9]{0,19}"
_NAMED = re.compile(rf"{_OWNER}/{_REPOSITORY}|{_OWNER}@{_ID}/{_REPOSITORY}@{_ID}")
_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[/.]|[/.]$|/\.|\.lock(?:/|$)")
"""Source: git-check-ref-format(1)."""


def federated_spec(issuer: str | None, subject: str | None, audience: str | None, github: str | None) -> Federation:
    """What the four options mean together. Raises UsageError: nothing, two things, or what could never match."""
    if audience is not None:
        with about("federated-audience"):
            _check_text("--federated-audience", audience)
    if github is not None:
        if issuer is not None or subject is not None:
            raise UsageError(
                "contradictory-options",
                "--github cannot be combined with --federated-issuer or --federated-subject: it sets both.",
                remedy="Remove --github, or the other two.",
            )
        return Federation(GITHUB, github_subject(github), audience or "")
    if issuer is None or subject is None:
        raise UsageError(
            "federation-incomplete",
            "A federated credential needs an issuer and a subject.",
            remedy="Add --github OWNER/REPO, or --federated-issuer URL and --federated-subject TEXT.",
        )
    _check_issuer(issuer)
    _check_subject(subject)
    return Federation(issuer, subject, audience or "")


@about("github")
def github_subject(text: str) -> str:
    """The subject of a GitHub Actions workflow on a branch, `main` unless another is named.

    Args:
        text: `OWNER/REPO[:branch]`, or with the ids that GitHub never gives twice, `OWNER@ID/REPO@ID[:branch]`; or the
            address of the repository as a browser or Git shows it, or that of a branch.

    Raises:
        UsageError: it is neither.
    """
    wanted = text
    for site in _SITES:
        if text.startswith(site):
            wanted = text.removeprefix(site).rstrip("/").removesuffix(".git").replace("/tree/", ":", 1)
    repository, colon, branch = wanted.partition(":")
    branch = branch if colon else "main"
    if _NAMED.fullmatch(repository) is None or not branch or _NO_BRANCH.search(branch):
        raise UsageError(
            "malformed-repository",
            f"Invalid --github '{text}'.",
            remedy="Use --github OWNER/REPO or --github OWNER/REPO:branch, or for a repository with immutable subjects "
            "--github OWNER@ID/REPO@ID:branch. For tags, pull requests and environments, use --federated-issuer "
            f"{GITHUB} with --federated-subject.",
        )
    return f"repo:{repository}:ref:refs/heads/{branch}"


@about("federated-issuer")
def _check_issuer(issuer: str) -> None:
    _check_text("--federated-issuer", issuer)
    try:
        parts = urlsplit(issuer)
        is_url = parts.scheme == "https" and parts.hostname and parts.username is None and (parts.port or 1) > 0
    except ValueError:
        is_url = False
    if not is_url or "?" in issuer or "#" in issuer:
        expected = "an https URL without a query, exactly as in the token's 'iss' claim"
        raise _malformed("--federated-issuer", issuer, expected)
    if issuer.rstrip("/") == GITHUB and issuer != GITHUB:
        raise _malformed("--federated-issuer", issuer, f"GitHub's issuer without a slash at its end: {GITHUB}")


@about("federated-subject")
def _check_subject(subject: str) -> None:
    _check_text("--federated-subject", subject)
    if "*" in subject:
        raise _malformed("--federated-subject", subject, "the complete subject: Entra ID does not support wildcards")
    if subject.startswith(KUBERNETES) and not _SERVICE_ACCOUNT.fullmatch(subject):
        raise _malformed("--federated-subject", subject, f"{KUBERNETES}NAMESPACE:NAME, both in lower case")


def _check_text(option: str, value: str) -> None:
    if not value or value != value.strip() or not value.isprintable() or len(value) > LONGEST:
        raise _malformed(option, value, f"1 to {LONGEST} printable characters, without spaces around them")


def _malformed(option: str, value: str, expected: str) -> UsageError:
    shown = value if len(value) <= 80 else f"{value[:79]}…"
    message = f"Invalid {option} '{shown}': it can never match a token."
    return UsageError("malformed-federation", message, remedy=f"Expected: {expected}.")
