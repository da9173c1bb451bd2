"""What a step is asked for, from the variables that the pipeline's file sets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"", "false", "0", "no"})


class StepError(Exception):
    """The step can't be done; the text says why and what to do."""


@dataclass(frozen=True)
class Inputs:
    """The inputs of a step that calls mct-s2s; what is empty is left to mct-s2s."""

    file: str
    app_service: str
    resource_group: str
    only: tuple[str, ...]
    """Sites of the file."""
    expect: str
    """The fingerprint that was reviewed."""
    expiring_within: str
    secret_to: str
    """Where new secrets of `app_service` go; those of a file's clients go where the file says."""
    secrets_to_files: bool
    """Whether that may be a file on this machine."""
    prune: bool
    allow_removals: bool

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Inputs":
        """Read `STEP_…`."""
        return cls(
            file=environ.get("STEP_FILE", ""),
            app_service=environ.get("STEP_APP_SERVICE", ""),
            resource_group=environ.get("STEP_RESOURCE_GROUP", ""),
            only=lines(environ, "STEP_ONLY"),
            expect=fingerprint(environ, "STEP_EXPECT"),
            expiring_within=environ.get("STEP_EXPIRING_WITHIN", "") or "31d",
            secret_to=environ.get("STEP_SECRET_TO", ""),
            secrets_to_files=flag(environ, "STEP_SECRETS_TO_FILES"),
            prune=flag(environ, "STEP_PRUNE"),
            allow_removals=flag(environ, "STEP_ALLOW_REMOVALS"),
        )


def lines(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The lines of a variable, without empty ones."""
    return tuple(line.strip() for line in environ.get(name, "").splitlines() if line.strip())


def fingerprint(environ: Mapping[str, str], name: str) -> str:
    """The fingerprint of a plan, or an empty text."""
    value = environ.get(name, "").strip()
    if value and not _FINGERPRINT.fullmatch(value):
        raise StepError(
            f"Invalid fingerprint {value!a}: it has 64 hexadecimal digits. The plan has it."
        )
    return value


def flag(environ: Mapping[str, str], name: str) -> bool:
    """A yes or no, as both services write it."""
    value = environ.get(name, "").strip().lower()
    if value not in _TRUE | _FALSE:
        raise StepError(f"Invalid {name} {value!a}. Use true or false.")
    return value in _TRUE


def required(environ: Mapping[str, str], name: str) -> str:
    """A variable that the pipeline's file, or the service itself, has to set."""
    value = environ.get(name, "").strip()
    if not value:
        raise StepError(
            f"{name} is empty: this step runs in another kind of pipeline, or lacks an input."
        )
    return value
