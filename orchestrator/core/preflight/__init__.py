"""What stands against a run. Law: every question is asked before anything is sent, and each answer names its remedy.

Offers `preflight` (all questions in order), `context` (what they rest on), `expected_outcomes` (what would become
of each asset) and `waivers` (agreed exceptions). `names`, `instances`, `links`, `contents`, `settings` hold the
questions by subject.
"""
