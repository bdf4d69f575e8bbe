"""``python -m circuitnn.cli``."""

from circuitnn.cli.main import main

if __name__ == "__main__":
    main()
