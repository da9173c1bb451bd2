"""Memory and latency of a served sandbox that holds a large tenant; run by scripts/bench_sandbox."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from mct_s2s.sandbox.entra.registrations import applications
from mct_s2s.sandbox.hosting.environment import exports
from mct_s2s.sandbox.hosting.state_directory import StateDirectory

from tests.conftest import free_ports, program, without_azure


def main(many: int = 20_000, at_once: int = 200) -> None:
    """Fill a state, serve it, and print time and memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        state = StateDirectory(folder).state()
        for number in range(many):
            body = {"displayName": f"App {number}", "signInAudience": "AzureADMyOrg"}
            applications.create(state.directory, body)
        began = time.perf_counter()
        state.save()
        say(f"world.json: {(folder / 'world.json').stat().st_size / 1e6:.0f} MB, written in", began)
        port, began = free_ports(12), time.perf_counter()
        arguments = program(["sandbox", "serve", "--port", str(port)])
        environment = {**without_azure(), "MCT_S2S_SANDBOX_DIR": name}
        process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            say(f"{many} applications: ready after", began)
            asyncio.run(ask(exports(port, state_dir=folder), at_once))
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            peak = re.search(r"VmHWM:\s+(\d+)", status)
            say(f"peak memory: {int(peak[1]) / 1024 if peak else 0:.0f} MB")
        finally:
            process.terminate()
            process.communicate()


async def ask(known: dict[str, str], at_once: int) -> None:
    """One after the other on a kept connection, then all at once."""
    trusted = ssl.create_default_context(cafile=known["SSL_CERT_FILE"])
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(verify=trusted, limits=limits, timeout=120, trust_env=False) as http:
        origin = known["MCT_S2S_CLOUD"]
        graph = (await http.get(f"{origin}/_sandbox/health")).json()["graph"]
        form = {
            "grant_type": "client_credentials",
            "client_id": known["AZURE_CLIENT_ID"],
            "client_secret": known["AZURE_CLIENT_SECRET"],
            "scope": f"{graph}/.default",
        }
        url = f"{origin}/{known['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        token = (await http.post(url, data=form)).json()["access_token"]
        headers, failures = {"Authorization": f"Bearer {token}"}, list[int]()

        async def one(number: int, *, writes: bool) -> float:
            began = time.perf_counter()
            if writes:
                body = {"displayName": f"New {number}"}
                answer = await http.post(f"{graph}/v1.0/applications", json=body, headers=headers)
            else:
                query = {"$filter": f"displayName eq 'App {number}'"}
                answer = await http.get(f"{graph}/v1.0/applications", params=query, headers=headers)
            failures.extend([answer.status_code] if answer.is_error else [])
            return time.perf_counter() - began

        show("reads, one after the other", [await one(number, writes=False) for number in range(200)])
        show("writes, one after the other", [await one(number, writes=True) for number in range(200)])
        mixed = (one(number, writes=bool(number % 2)) for number in range(at_once))
        show(f"{at_once} at once, connections included", await asyncio.gather(*mixed))
        say(f"errors: {len(failures)}")


def show(what: str, seconds: list[float]) -> None:
    """Median, 99th percentile and longest, in milliseconds."""
    ranked = sorted(1000 * one for one in seconds)
    middle, high = statistics.median(ranked), ranked[int(len(ranked) * 0.99) - 1]
    say(f"{what}: median {middle:.1f} ms, 99% {high:.1f} ms, longest {ranked[-1]:.1f} ms")


def say(text: str, since: float | None = None) -> None:
    """One line of the result."""
    sys.stdout.write(text + (f" {time.perf_counter() - since:.2f} s" if since is not None else "") + os.linesep)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
