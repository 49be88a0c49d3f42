"""What Grantory knows: frozen structs and rules; no I/O, no clock, no randomness."""
