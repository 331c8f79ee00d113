"""The service as seen on the wire. Law: one request in, one reply out, never an exception.

Offers `api` (request in, reply out: what an in-memory client drives). `routes`, `auth`, `signatures`, `multipart`
read requests; `lists`, `reads`, `writes`, `paging`, `serialize` answer them; `fault_matcher`, `fault_effects` spoil
the answers.
"""
