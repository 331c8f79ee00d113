"""What ROMA holds and says, as values. Law: nothing here knows a plan, a run, or how anything was read.

Offers `inventory` (assets, jobs, inventories), `instance_facts` and `contents` (what an instance holds beside them, and
what travels along), `naming` (names at a target), `failures` and `retries` (how a request fails, and the one table of
what follows), `checks` (an answer of preflight), `handover_item` (one thing left to a person), `secrets`.
"""
