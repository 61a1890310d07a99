"""What other software is told, without asking: events, the addresses they go to, and whether they arrived."""
