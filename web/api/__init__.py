"""The doors of other software: `/api/v1`. What is asked and answered, who may ask, and how often."""
