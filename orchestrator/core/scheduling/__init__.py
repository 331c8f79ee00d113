"""Which job next, and when it will be over. Law: pure and repeatable; a guess is told as a guess.

Offers `policy` (the choice for a free slot), `estimates` (durations learned), `polling` (when to ask again),
`forecast` and `timetable` (the schedule played out before it is lived).
"""
