"""Documents for people and programs. Law: a renderer adds nothing to what it is given, and hides nothing.

Offers `preview_text`, `preview_markdown`, `preview_json` (a preview on a terminal, in a ticket, for programs) and
`summary` (how a run ended, with commands that can be pasted).
"""
