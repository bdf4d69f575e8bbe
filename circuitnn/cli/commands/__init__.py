"""The commands: the file's name is the command's, its ``EXPORT`` a ``click.Command``."""
