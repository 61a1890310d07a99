"""What an operator and a support person look at: health, figures, notices, and what is missing before going live."""
