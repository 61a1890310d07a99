"""The processes of an installation: what they do, how they are started, brought back, and told to stop."""
