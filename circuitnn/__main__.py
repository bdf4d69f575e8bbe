"""``python -m circuitnn``: the command line."""

from circuitnn.cli.main import main

if __name__ == "__main__":
    main()
