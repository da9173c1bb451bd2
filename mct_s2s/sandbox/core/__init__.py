"""What every room of the sandbox uses: clock, addresses, routes, operations, options, errors in each service's form."""
