"""What a block holds: its payload stamp, its label, and what a wrong block is. Pure values and numpy, no I/O."""
