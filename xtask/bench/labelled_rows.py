"""The data sets of the benches, and how their rows are told apart."""

import numpy as np

DATA = {
    "phishing": {"file": "phishing.csv", "label": "Result", "positive": lambda y: y == -1, "drop": []},
    "nsl-kdd": {
        "file": "nsl-kdd.csv",
        "label": "attack",
        "positive": lambda y: y != "normal",
        "drop": ["difficulty"],
    },
}


def splits(features, positive, kind, n_splits, seed):
    """Yields (train, test) row indexes, 80/20. `grouped` moves whole groups of equal rows."""
    n_rows = len(features)
    group = features.groupby(list(features.columns), dropna=False, sort=False).ngroup().to_numpy()
    for split in range(n_splits):
        random = np.random.default_rng([seed, split])
        unit = group if kind == "grouped" else np.arange(n_rows)
        order = random.permutation(unit.max() + 1)
        sizes = np.bincount(unit)[order]
        test_units = order[np.cumsum(sizes) <= 0.2 * n_rows]
        is_test = np.isin(unit, test_units)
        yield np.flatnonzero(~is_test), np.flatnonzero(is_test)
