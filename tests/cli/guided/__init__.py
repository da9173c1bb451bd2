"""The guided way: its questions, what becomes of the answers, and that no one waits without a terminal."""
