"""Linux's SCSI target, built for the run and cleared after it."""
