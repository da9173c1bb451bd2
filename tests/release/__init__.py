"""What a release is made of, as far as reading it tells; `scripts/release/check` builds and tries
it.
"""
