"""Remembers: plan files, secrets, journals, packages, leases. Law: only this room touches disk and database.

Offers `planfile` (a plan from a file), `secrets` (references resolved), `home` and `store` (where runs are kept,
and how the engine opens them), `journal` (the events of one run), `vault` (packages) and `leases` (slots shared
between processes).
"""
