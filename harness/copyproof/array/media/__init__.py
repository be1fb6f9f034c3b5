"""What the members of a RAID group are kept in."""
