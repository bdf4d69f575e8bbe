"""Directives, one a file; the file's name is the directive's. See ``card.Card`` for what a file exports."""
