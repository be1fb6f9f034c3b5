"""Pair commands as CCI users know them, over the vendor commands of the software array (docs/cci.md)."""
