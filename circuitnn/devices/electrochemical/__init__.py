"""Devices whose memory is the charge of an electrochemical cell."""
