"""Resistances with memory."""
