"""What every room of the sandbox uses: clock, addresses, routes, options, errors in each service's form."""
