def decode(data):
    # ruleid: parley-assert
    assert len(data) == 32
    # ok: parley-assert
    if len(data) != 32:
        raise ValueError
    return data
