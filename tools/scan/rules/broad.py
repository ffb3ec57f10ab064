import contextlib


def read(path):
    # ruleid: parley-broad-except
    try:
        return path.read_bytes()
    except Exception:
        return b""


def quiet(path):
    # ruleid: parley-broad-except
    with contextlib.suppress(Exception):
        path.unlink()
    # ok: parley-broad-except
    try:
        return path.read_bytes()
    except OSError:
        return b""
