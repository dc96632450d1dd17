"""What might be done otherwise, tried once: each file answers one question in some seconds."""
