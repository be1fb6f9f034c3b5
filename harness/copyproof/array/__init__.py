"""The software array: the second implementation beside the reference model, with bytes instead of extents."""
