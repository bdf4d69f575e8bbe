"""Spiking networks: kernels, and the circuits that they stand for."""
