"""Network formats, one file each: ``EXPORT`` has ``matches(network)`` and ``read(network) -> Graph``."""
