"""The commands, one file for each, with its name. Law: none imports another; what they share lies a floor below.

A command's body takes the terminal and what its command line says, and returns an exit code or raises. Names, arguments
and help stand in `cli/app.py`, so that `--help` imports none of this.
"""
