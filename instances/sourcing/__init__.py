"""Sourcing instances: readers and writers of economies and of one firm's choices."""

READ = "endonet.instances.sourcing.choices:from_fields"
WRITE = "endonet.instances.sourcing.choices:to_fields"
