"""LIO units over volumes that Linux itself can pair: LVM's RAID1, and device mapper's snapshots."""
