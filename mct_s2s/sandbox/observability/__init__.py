"""What a test can see and turn: the request log, issued tokens, misplaced secrets, faults, tuning."""
