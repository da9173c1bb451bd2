"""The services over HTTP: each unpacks a request, calls the rules, and packs the answer."""
