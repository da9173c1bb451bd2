"""What tests observe and control: request log, issued tokens, misplaced secrets, faults,
options.
"""
