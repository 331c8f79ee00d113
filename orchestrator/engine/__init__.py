"""Carries decisions out, and waits. Law: an intent is journaled before it is sent, an outcome before it is believed.

Offers `runs` (which run a command means, and how it begins, goes on and ends), `admission` (preview, saved preview,
drift: what may begin), `past_runs` (earlier runs of the home), `resolutions` (operators' decisions) and `runtime`
(clock, chance, transport, threads, handed in). `conductor` and `performer` are the loop and one step of it.
"""
