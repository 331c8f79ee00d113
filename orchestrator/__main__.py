"""`python -m orchestrator` and the installed command. Law: nothing heavy is imported here."""

from orchestrator.cli import main

if __name__ == "__main__":
    main()

__all__ = ["main"]
