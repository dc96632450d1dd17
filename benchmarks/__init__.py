"""What comity does on this machine, beside what the machine does in the same run."""
