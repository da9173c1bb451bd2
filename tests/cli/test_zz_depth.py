import copy, json
from tests.cli.conftest import Program
from tests.conftest import SITE, Sandbox
from tests.support.sandbox_inside import Inside


def run(mct, inside, latency, *words, show=False):
    inside.world.latency_seconds = latency
    marks = []

    async def before(entry):
        marks.append((inside.time.seconds, entry))

    inside.hooks.before.append(before)
    t0 = inside.time.seconds
    done = mct(*words)
    inside.leave_alone()
    inside.world.latency_seconds = 0
    if show:
        print("\n==", words, "latency", latency, "code", done.code, "seconds", done.seconds, "requests", len(marks))
        for t, e in marks:
            print(
                f"{(t - t0) / max(latency, 1e-9) if latency else t - t0:7.2f} {e.service:6} {e.method:6} {e.path[-110:]} {e.query[:90] if hasattr(e, 'query') else ''} {e.status}"
            )
        print(done.err[-500:])
    return done.seconds, len(marks)


def test_depth(mct: Program, azure: Sandbox, inside: Inside) -> None:
    sites = inside.world.resources.sites
    kept = inside.keep()
    base = None
    commands = [
        ("setup", "--client", "One", "--managed-identity", "reports-func", "-y", "--no-verify"),
        ("setup", "--client", "One", "--managed-identity", "reports-func", "-y", "--no-verify"),
        ("status",),
        ("add-client", "Two", "-y", "--no-verify"),
        ("verify",),
        ("rotate-secret", "One", "-y"),
        ("remove-client", "One", "-y"),
        ("doctor",),
        ("teardown", "-y"),
    ]
    results = []
    import shutil

    for latency in (0.0, 10.0):
        inside.become(copy.deepcopy(kept))
        import os, pathlib

        for n, words in enumerate(commands):
            if n == 1 and latency == 0:
                pass
            results.append((latency, words, run(mct, inside, latency, *words, "--timeout", "6000", show=latency > 0)))
        # files
        home = pathlib.Path(mct.__closure__[2].cell_contents if False else ".")
        from tests.support import secret_search
        import glob

        for d in glob.glob(str(azure and pathlib.Path(os.environ.get("X", "/nonexistent")))):
            pass
        shutil.rmtree(mct.__home__ if hasattr(mct, "__home__") else "/nonexistent", ignore_errors=True)
    n = len(commands)
    for a, b in zip(results[:n], results[n:]):
        print(a[1][:2], "depth", (b[2][0] - a[2][0]) / 10.0, "at 0:", a[2][0], "requests", a[2][1], b[2][1])
    assert False
