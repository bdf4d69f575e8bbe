"""Devices whose polarisation is their memory."""
