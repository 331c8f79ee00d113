"""Requests, replies and refusals, without a socket. Law: nothing here knows what is asked for.

Offers `messages` (what crosses the wire) and `errors` (the five error envelopes).
"""
