"""The command lines of mct-s2s, as lists of arguments: no shell reads them."""

from collections.abc import Iterator

from mct_s2s.pipeline_steps.inputs import Inputs, StepError


def plan_words(inputs: Inputs) -> list[str]:
    """What `apply` would do, as Markdown.

    By an application that may only read: that it may not write is no news. The fingerprint does not
    depend on it.
    """
    return [
        "apply",
        *_sites(inputs),
        *_removals(inputs),
        "--dry-run",
        "--no-preflight",
        "--output=markdown",
    ]


def apply_words(inputs: Inputs) -> list[str]:
    """Do what was reviewed.

    Without a fingerprint nothing is done: one that got lost is not taken for consent.
    """
    if not inputs.expect:
        raise StepError(
            "The input expect is missing: the fingerprint of the reviewed plan. A dry run prints "
            "it."
        )
    return [
        "apply",
        *_sites(inputs),
        *_removals(inputs),
        f"--expect={inputs.expect}",
        "--yes",
        "--output=json",
    ]


def rotate_words(inputs: Inputs) -> list[str]:
    """Replace secrets that expire soon: of the sites of a reviewed file, or of one App Service."""
    expiring = [f"--expiring-within={inputs.expiring_within}", "--yes", "--output=json"]
    if not inputs.app_service:
        sites = list(_sites(inputs))
        if not inputs.expect:
            raise StepError(
                "The input expect is missing: the fingerprint of the reviewed file. A dry run "
                "prints it."
            )
        return ["rotate-secret", *sites, f"--expect={inputs.expect}", *expiring]
    if inputs.only:
        raise StepError(
            "STEP_ONLY names sites of a file; an app-service is given as well. Give one of the two."
        )
    if not inputs.secret_to:
        raise StepError(
            "With an app-service, say where its new secrets go: secret-to, such as keyvault:VAULT."
        )
    place = f"--secret-to={inputs.secret_to}"
    group = [f"--resource-group={inputs.resource_group}"] if inputs.resource_group else []
    return ["rotate-secret", f"--app-service={inputs.app_service}", *group, place, *expiring]


def _sites(inputs: Inputs) -> Iterator[str]:
    if not inputs.file:
        raise StepError("No file is given: a trust file, such as trust.toml.")
    yield f"--file={inputs.file}"
    yield from (f"--only={site}" for site in inputs.only)


def _removals(inputs: Inputs) -> Iterator[str]:
    if inputs.prune:
        yield "--prune"
    if inputs.allow_removals:
        yield "--allow-removals"
