"""Spiking networks: kernels that work on events, and the same as circuits."""
