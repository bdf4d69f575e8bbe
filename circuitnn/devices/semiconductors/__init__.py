"""Diodes and transistors."""
