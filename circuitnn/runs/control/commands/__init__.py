"""The commands of scripts: each module's ``EXPORT`` maps names to functions of the interpreter and a line's rest."""
