"""The ways to sign in: all that a command line has to know of them."""

from __future__ import annotations

from enum import StrEnum


class Method(StrEnum):
    """The values of `--auth`."""

    AUTO = "auto"
    ENVIRONMENT = "environment"
    CLI = "cli"
    AZD = "azd"
    BROWSER = "browser"
    DEVICE_CODE = "device-code"
    MANAGED_IDENTITY = "managed-identity"
    WORKLOAD_IDENTITY = "workload-identity"
