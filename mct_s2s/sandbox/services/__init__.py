"""The services over HTTP: each unpacks a request, asks the rules, and packs the answer."""
