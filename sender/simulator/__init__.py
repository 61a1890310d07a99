"""A Twilio-shaped HTTP server with handsets behind it; it stands alone and imports nothing else of ours."""
