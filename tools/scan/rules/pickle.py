import pickle

import yaml


def read(data):
    # ruleid: parley-pickle
    first = pickle.loads(data)
    # ruleid: parley-pickle
    second = yaml.load(data)
    # ruleid: parley-pickle
    third = eval(data)
    # ok: parley-pickle
    return first, second, third, yaml.safe_load(data)
