import hmac


def check(mac, given, secret, cookie):
    # ruleid: parley-secret-compared
    if mac == given:
        return True
    # ruleid: parley-secret-compared
    if cookie.token != given:
        return False
    # ok: parley-secret-compared
    if len(secret) == 32:
        return False
    # ok: parley-secret-compared
    return hmac.compare_digest(secret, given)
