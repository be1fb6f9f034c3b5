"""The software array behind Linux's SCSI target: a process of its own that answers TCMU rings."""
