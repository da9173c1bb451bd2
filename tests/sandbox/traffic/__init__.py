"""Stories in which recorded exchanges of real Azure are sent to the sandbox, and what cannot be
compared.
"""
