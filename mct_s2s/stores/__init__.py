"""Where credentials are kept: files, key vaults, standard output; and what only one run may do at a
time.
"""
