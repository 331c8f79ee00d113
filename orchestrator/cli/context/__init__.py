"""What surrounds a command. Law: each of these is decided in one place, for every command alike.

Offers `error_boundary` (where an error becomes a sentence and a code), `wiring` (plan, secrets and clients put
together), `find_run` (which home and run are meant), `folded_run` (that run's report), `signals` and
`approval_file` (saved previews as files).
"""
