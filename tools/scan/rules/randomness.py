import os
import random
import secrets
import uuid


def keys(entropy):
    # ruleid: parley-randomness
    first = os.urandom(32)
    # ruleid: parley-randomness
    second = secrets.token_bytes(32)
    # ruleid: parley-randomness
    third = uuid.uuid4()
    # ruleid: parley-random-module
    fourth = random.randbytes(32)
    # ok: parley-randomness
    return first, second, third, fourth, entropy(32)
