"""Magnetic devices, one file each."""
