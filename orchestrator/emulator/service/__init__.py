"""The service as a state machine. Law: synchronous, deterministic, with an injected clock.

Offers `service` (what can be asked of it) and `ledger` (what really happened, for tests). `imports`, `exports`,
`apply` say what jobs do; `jobs`, `timers` when; `packages`, `zip_writer` hold what was exported; `instance_store`
what an instance holds.
"""
