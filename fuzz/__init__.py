"""Coverage-guided fuzzing of every decoder, with atheris."""
