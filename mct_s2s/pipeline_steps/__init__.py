"""What the steps of a pipeline do beside calling mct-s2s: sign in, keep the plan, say what came of
it.

Both services give them the same inputs, as variables `STEP_…`: a value is never a part of a
script's text, nor of a command line that a shell reads. `main` has the steps, `hosts` where each
service takes summaries and outputs. What can't be done is a StepError or a RequestFailed wherever
it is found: `main` makes the job's error and exit code of it.
"""
