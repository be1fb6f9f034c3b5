"""Orders to pairs of volumes, and what the pairs say of themselves: one service, reached in band or by commands."""
