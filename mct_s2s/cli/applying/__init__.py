"""`apply`: all sites of a trust file, set up as it says.

    site_run     one site's share: its plan, how far it has come, and what ended it
    reviewing    all plans side by side, their fingerprint, and what refuses them together
    carrying_out the plans that were reviewed, and nothing else, side by side
    whole_run    the command from its plans to its end
    rotating     the secrets that a file asks for, renewed
    reporting    what is shown and written of all that, for people and for programs

How sites are reached and worked on side by side: `cli/fleet`.
"""
