"""Copyproof proves that a SCSI array's copies are right: every block, every label, nothing else touched."""

__version__ = "0.1.0"
