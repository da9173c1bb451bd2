"""`--github` and `--federated-…` into whose tokens are taken, checked for form: Entra takes a wrong one silently.

A subject that nobody has is accepted when it is written, and fails only when a token is asked for (AADSTS700213).
Source: learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mct_s2s.errors import UsageError
from mct_s2s.model.desired import FederatedSpec

GITHUB = "https://token.actions.githubusercontent.com"
LONGEST = 600
KUBERNETES = "system:serviceaccount:"

_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}")
_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[/.]|[/.]$|/\.|\.lock(?:/|$)")
"""Source: git-check-ref-format(1)."""
_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


def federated_wish(issuer: str | None, subject: str | None, audience: str | None, github: str | None) -> FederatedSpec:
    """What the four options mean together.

    Args:
        issuer: `--federated-issuer`.
        subject: `--federated-subject`.
        audience: `--federated-audience`; without it, the one of the cloud.
        github: `--github OWNER/REPO[:branch]`, instead of the first two.

    Raises:
        UsageError: something is missing, contradicts something else, or is of a form that could never match.
    """
    if audience is not None:
        _check_text("--federated-audience", audience)
    if github is not None:
        if issuer is not None or subject is not None:
            raise UsageError(
                "contradictory-options",
                "--github fills --federated-issuer and --federated-subject; it cannot stand beside them.",
                remedy="Leave --github out, or the other two.",
            )
        return FederatedSpec(GITHUB, github_subject(github), audience)
    if issuer is None or subject is None:
        raise UsageError(
            "federation-incomplete",
            "Whose tokens? A federated credential needs an issuer and a subject.",
            remedy="Add --github OWNER/REPO, or --federated-issuer URL and --federated-subject TEXT.",
        )
    _check_issuer(issuer)
    _check_subject(subject)
    return FederatedSpec(issuer, subject, audience)


def github_subject(text: str) -> str:
    """The subject of a GitHub Actions workflow on a branch, `main` unless another is named.

    Source: docs.github.com/actions/security-for-github-actions, *example subject claims*.

    Raises:
        UsageError: not `OWNER/REPO` or `OWNER/REPO:branch`.
    """
    owner, slash, rest = text.partition("/")
    repository, colon, branch = rest.partition(":")
    branch = branch if colon else "main"
    fits = _OWNER.fullmatch(owner) and _REPOSITORY.fullmatch(repository) and repository not in {".", ".."}
    if not slash or not fits or not branch or _NO_BRANCH.search(branch):
        raise UsageError(
            "malformed-repository",
            f"'{text}' is no GitHub repository with a branch.",
            remedy="Give --github OWNER/REPO or --github OWNER/REPO:branch; for tags, pull requests and environments, "
            f"--federated-issuer {GITHUB} and --federated-subject.",
        )
    return f"repo:{owner}/{repository}:ref:refs/heads/{branch}"


def _check_issuer(issuer: str) -> None:
    _check_text("--federated-issuer", issuer)
    try:
        parts = urlsplit(issuer)
        sound = parts.scheme == "https" and parts.hostname and not parts.query and not parts.fragment
        sound = sound and parts.username is None and (parts.port or 1) > 0 and not issuer.endswith(("?", "#"))
    except ValueError:
        sound = False
    if not sound:
        raise _malformed("--federated-issuer", issuer, "an https URL without query, exactly as its tokens say in 'iss'")
    if issuer.rstrip("/") == GITHUB and issuer != GITHUB:
        raise _malformed("--federated-issuer", issuer, f"GitHub's issuer has no slash at its end: {GITHUB}")


def _check_subject(subject: str) -> None:
    _check_text("--federated-subject", subject)
    if "*" in subject:
        raise _malformed("--federated-subject", subject, "the whole subject: Entra knows no wildcards")
    if subject.startswith(KUBERNETES):
        namespace, colon, account = subject.removeprefix(KUBERNETES).partition(":")
        if not colon or not _DNS_LABEL.fullmatch(namespace) or not _DNS_LABEL.fullmatch(account):
            raise _malformed("--federated-subject", subject, f"{KUBERNETES}NAMESPACE:NAME, both in lower case")


def _check_text(option: str, value: str) -> None:
    if not value or value != value.strip() or not value.isprintable() or len(value) > LONGEST:
        raise _malformed(option, value, f"1 to {LONGEST} printable characters without blanks around them")


def _malformed(option: str, value: str, expected: str) -> UsageError:
    shown = value if len(value) <= 80 else f"{value[:79]}…"
    return UsageError(
        "malformed-federation",
        f"{option} '{shown}' could never match a token.",
        remedy=f"Expected: {expected}.",
    )
