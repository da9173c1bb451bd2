"""The steps of a pipeline: they sign in, keep the plan, call mct-s2s and report.

Both services give them the same inputs, as variables `STEP_…`: a value is never a part of a
script's text, nor of a command line that a shell reads. `main` has the steps, `hosts` where each
service takes summaries and outputs. What can't be done is a StepError or a RequestFailed wherever
it is found: `main` makes the job's error and exit code of it.
"""
