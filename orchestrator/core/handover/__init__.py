"""What ROMA does not carry and people must do. Law: told from lists alone; ticked only by what was seen.

Offers `items` (the list), `verify` (what a later read proves of it) and `render` (as rows, Markdown, CSV, JSON).
"""
