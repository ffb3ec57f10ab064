"""Where keys are kept. Signers and entropy are ports, so that a token can take a file's place."""
