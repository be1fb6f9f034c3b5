"""The software array behind Linux's SCSI target, answered by a process of its own."""
