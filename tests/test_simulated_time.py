"""Time in tests: it passes for whoever waits, however much of it has passed before."""

import asyncio

import pytest

from tests.support.simulated_time import SimulatedTime

YEAR_SECONDS = 365 * 24 * 3600.0


@pytest.mark.timeout(30)
@pytest.mark.parametrize("years", [0, 1, 10, 100])
def test_timers_are_due_after_years_of_other_tests(years: int) -> None:
    simulated = SimulatedTime()
    simulated.seconds = began = years * YEAR_SECONDS

    async def many_timers() -> None:
        for each in range(1000):
            await asyncio.gather(*(asyncio.sleep(0.1 * (each % 7) + 0.013 * i) for i in range(3)))

    with simulated.simulated():
        asyncio.run(many_timers())
    assert 300 < simulated.seconds - began < 400
