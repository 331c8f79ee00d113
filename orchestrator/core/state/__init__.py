"""What happened, and where everything stands. Law: only events change anything, and only in the order of the journal.

Offers `events` (the words of the journal), `lifecycle` (the tables of legal moves), `progress` (the events folded, and
whom each touches), `subjects` (what the scheduler calls up), `slots` and `slot_trials` (the place in which one job may
run, and what `one_job_per: auto` has seen), `identity` (ids from contents) and `ends` (why something goes no further in
this process).
"""
