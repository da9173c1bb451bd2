"""What all of the sandbox uses: clock, addresses, operations and their routes, errors in each
service's form.
"""
