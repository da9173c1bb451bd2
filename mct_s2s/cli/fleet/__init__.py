"""Several App Services at once, as a trust file names them: each with its own outcome, on one sign-in for each profile.

    sites       a site of the command: what it is called, and how it is reached
    sessions    one signed-in session for each way to sign in, opened at the same time
    working     the work at all sites side by side; what one of them raises is its own outcome
    account     what has become of each site, told on every way out: the end, an interruption, the deadline

What is done at a site is the commands'; for `apply` in `cli/applying`.
"""
