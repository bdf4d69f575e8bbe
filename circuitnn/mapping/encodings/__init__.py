"""How weights become conductances, an encoding a file; each names its class in ``EXPORT``."""
