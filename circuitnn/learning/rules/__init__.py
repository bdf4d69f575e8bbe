"""One learning rule a file; the file is named as the rule."""
