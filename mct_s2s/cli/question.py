"""A question that can be interrupted: Ctrl-C and the deadline end it at once, whatever the keyboard does."""

from __future__ import annotations

import asyncio
import sys

from mct_s2s.render.console import Terminal


async def ask(terminal: Terminal, question: str) -> str:
    """Ask on standard error; the answer is one line of standard input, empty where it has ended."""
    terminal.ask(question)
    if sys.platform == "win32":
        return await asyncio.to_thread(sys.stdin.readline)
    # Not on a thread: one that waits for the keyboard cannot be cancelled, and the process would wait for it.
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()
