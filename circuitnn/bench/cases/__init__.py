"""One benchmark a file; ``EXPORT`` is a function ``() -> list[Row]``, found by its file's name."""
