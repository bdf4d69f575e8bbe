"""What a network's nodes compute, a family of operators a file; each names its classes in ``EXPORT``."""
