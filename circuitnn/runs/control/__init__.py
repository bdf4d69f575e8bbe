"""Scripts of ``.control`` blocks: a closed language of commands, one module of ``commands`` a group of them.

Nothing of a script reaches a shell, and files are written inside the working folder alone.
"""
