"""Resource Manager's state and rules. Knows no HTTP: refusals are `WireError`s, everything else is plain values.

Rooms: `ids` reads resource ids; `providers` knows which types exist, in which api-versions and how each behaves;
`store` holds the objects; `access`, `locks` and `throttle` decide who may do what, and how often; `identities`,
`sites` and `generic` are the rules of the things themselves; `operations` finishes what takes time.
"""
