"""The controller's inside: cache, data recovery and reconstruct unit, address change unit, RAID, pairs. No I/O."""
