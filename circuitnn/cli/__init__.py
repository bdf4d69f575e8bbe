"""The command line: one file a command in ``commands/``, found by its name; no logic of its own.

May import everything below it, but only inside the functions that need it, so that ``circuitnn --help`` stays quick.
"""
