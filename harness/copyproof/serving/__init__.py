"""How the software array is put on a wire: in this process, or behind Linux's SCSI target."""
