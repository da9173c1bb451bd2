"""An activity whose waits can be read afterwards."""

from mct_s2s.activity import Activity


class Listener(Activity):
    """An activity that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.ends: list[float | None] = []

    def waits(self, reason: str, gives_up_at: float | None = None) -> None:
        self.told.append(reason)
        self.ends.append(gives_up_at)

    def goes_on(self, reason: str) -> None:
        self.told.append(f"over: {reason}")
