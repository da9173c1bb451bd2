"""Who may do what: app role assignments, delegated grants, directory roles, permissions of an
operation.
"""
