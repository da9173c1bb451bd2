"""What the caller may do: which rights a plan takes, who can grant what is missing, and what
`doctor` says of it.
"""
