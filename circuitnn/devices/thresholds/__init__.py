"""Volatile switches and neurons."""
