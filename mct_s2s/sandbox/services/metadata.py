"""`/metadata/endpoints`: the addresses of the cloud, for clients that know Resource Manager's only.

Services that the sandbox does not have point at it, too.
Source: ARM: metadata/endpoints 2022-09-01 (one object) and earlier (a list of clouds); read by az and Terraform.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mct_s2s.sandbox.core.addresses import Addresses
from mct_s2s.sandbox.core.files import document
from mct_s2s.sandbox.resources import providers


def routes(addresses: Addresses) -> list[Route]:
    async def endpoints(request: Request) -> Response:
        version = providers.require_version(request.query_params.get("api-version"))
        described = document("cloud", at=addresses)
        described["authentication"]["audiences"] = [name for name in addresses.arm_audiences if name.endswith("/")]
        return JSONResponse(described if version >= "2022-09-01" else [described])

    return [Route("/metadata/endpoints", endpoints)]
