"""What the engine needs from Azure and the stores: protocols that `azure` and `stores` fulfil and that name no SDK.

Methods raise `ServiceError` and its kin only. `is_new` says that the object was made by this very command: then an
answer that means *not replicated yet* is waited out; about anything else the same answer is an error at once.
"""
