"""Resource Manager's data (`store`) and rules, without HTTP: refusals are `WireError`s."""
