"""What other software may ask for: its keys, its texts, its people, and the answers it was given."""
