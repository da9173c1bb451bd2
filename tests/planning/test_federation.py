"""Whose tokens are taken: what a user types, and what could never match a token."""

import pytest
from mct_s2s.errors import UsageError
from mct_s2s.model.client_credentials import GITHUB, Federation
from mct_s2s.planning.federation import federated_spec

ISSUER = "https://oidc.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/"
SUBJECT = "system:serviceaccount:integrations:sync"


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("contoso/Learn", "contoso/Learn:ref:refs/heads/main"),
        ("contoso/Learn:dev", "contoso/Learn:ref:refs/heads/dev"),
        ("contoso@5544123/Learn@821093847", "contoso@5544123/Learn@821093847:ref:refs/heads/main"),
        ("contoso@1/Learn@2:dev", "contoso@1/Learn@2:ref:refs/heads/dev"),
        ("contoso/...", "contoso/...:ref:refs/heads/main"),
        ("Contoso-1/learn.web_2:feature/x-1.0", "Contoso-1/learn.web_2:ref:refs/heads/feature/x-1.0"),
        ("https://github.com/contoso/Learn", "contoso/Learn:ref:refs/heads/main"),
        ("https://github.com/contoso/Learn/", "contoso/Learn:ref:refs/heads/main"),
        ("https://github.com/contoso/Learn.git", "contoso/Learn:ref:refs/heads/main"),
        ("https://github.com/contoso/Learn:dev", "contoso/Learn:ref:refs/heads/dev"),
        ("git@github.com:contoso/Learn.git", "contoso/Learn:ref:refs/heads/main"),
        ("ssh://git@github.com/contoso/Learn.git", "contoso/Learn:ref:refs/heads/main"),
        ("https://github.com/contoso/Learn/tree/feature/x", "contoso/Learn:ref:refs/heads/feature/x"),
    ],
)
def test_a_repository_or_its_pasted_address_is_a_subject(text: str, subject: str) -> None:
    assert federated_spec(None, None, None, text) == Federation(GITHUB, f"repo:{subject}")


@pytest.mark.parametrize(
    "text",
    [
        "", "contoso", "/Learn", "contoso/", "contoso/Learn:", "contoso/Learn: main", "contoso/Learn:a b", "-x/Learn",
        "contoso/Learn/tree/main", "https://github.com/contoso",
        "https://gitlab.com/contoso/Learn", "contoso/Learn:main*", "contoso/Learn:a..b",
        "contoso/Learn:/main", "contoso/Learn:main/", "contoso/Learn:x.lock", "contoso/Learn:a:b", "con toso/Learn",
        "contoso/Learn\n", "contoso/..", "contoso/.", "contoso@1/..@2", "contoso@1/Learn", "contoso/Learn@2",
        "contoso@0/Learn@2", "contoso@x/Learn@2", "contoso@1/Learn@2@3", "contoso@/Learn@", "contoso@1/Learn@٢",
        "contoso/Learn:@{x",
    ],
)  # fmt: skip
def test_what_is_no_repository_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        federated_spec(None, None, None, text)
    assert refused.value.code == "malformed-repository"


@pytest.mark.parametrize(
    ("issuer", "subject", "audience"),
    [
        (ISSUER, SUBJECT, None),
        ("https://oidc.example:8443/x", "anything that is printable", "api://mine"),
        (GITHUB, "repo:contoso/Learn:environment:Production", None),
        ("https://accounts.google.com", "112633961854638529490", "api://AzureADTokenExchange"),
        ("https://i.example", "s" * 600, "a" * 600),
    ],
)
def test_any_issuer_is_taken_as_it_is(issuer: str, subject: str, audience: str | None) -> None:
    assert federated_spec(issuer, subject, audience, None) == Federation(issuer, subject, audience or "")


NEVER_MATCHES = {
    "issuer": [
        "http://oidc.example", "oidc.example", "https://", "https://oidc.example?x=1", "https://oidc.example#",
        "https://user@oidc.example", "https://oidc.example:port", " https://oidc.example", "https://oidc.example\n",
        f"{GITHUB}/", f"https://oidc.example/{'x' * 600}",
    ],
    "subject": [
        "", f"{SUBJECT} ", "s" * 601, "repo:contoso/*", "system:serviceaccount:sync",
        "system:serviceaccount:Integrations:sync", "system:serviceaccount:integrations:sync:x",
    ],
    "audience": ["", "a" * 601],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in NEVER_MATCHES.items() for text in texts])
def test_what_could_never_match_is_refused(name: str, text: str) -> None:
    values = {"issuer": ISSUER, "subject": SUBJECT, "audience": None, name: text}
    with pytest.raises(UsageError, match=f"--federated-{name}") as refused:
        federated_spec(**values, github=None)
    assert refused.value.code == "malformed-federation"


@pytest.mark.parametrize(
    ("issuer", "subject", "github", "code"),
    [
        (None, None, None, "federation-incomplete"),
        (ISSUER, None, None, "federation-incomplete"),
        (None, SUBJECT, None, "federation-incomplete"),
        (ISSUER, None, "contoso/Learn", "contradictory-options"),
        (None, SUBJECT, "contoso/Learn", "contradictory-options"),
    ],
)
def test_the_options_belong_together(issuer: str | None, subject: str | None, github: str | None, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        federated_spec(issuer, subject, None, github)
    assert refused.value.code == code
