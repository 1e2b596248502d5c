"""Records what scikit-learn's imputers, encoders and scalers give, for trainer/tests/transform.rs.

    python trainer/tests/golden/record_transform.py > trainer/tests/golden/transform.json

Recorded with Python 3.11.7, numpy 2.4.6, scikit-learn 1.9.1. Every number of the data is one of 32 bits, as a row's numbers are; scikit-learn computes in 64 bits.
Which of equally distant neighbours scikit-learn takes depends on a partial sort, so no case has
neighbours of different values at one distance where the cut is: `assert_no_ties` sees to it.
"""

import json
import platform
import sys

import numpy as np
import sklearn
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.metrics.pairwise import nan_euclidean_distances
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)


def plain(array):
    """Nested lists with None for NaN."""
    return [
        [None if np.isnan(x) else float(x) for x in row] for row in np.atleast_2d(array)
    ]


def with_gaps(rng, rows, share):
    """Multiples of 2^-10, which 32 bits hold and few digits write, and gaps."""
    rows = np.round(rows * 1024) / 1024
    assert (rows.astype(np.float32) == rows).all()
    rows[rng.random(rows.shape) < share] = np.nan
    return rows


def assert_no_ties(training, queries, n_neighbours):
    for query, distances in zip(queries, nan_euclidean_distances(queries, training)):
        for column in np.flatnonzero(np.isnan(query)):
            donors = ~np.isnan(training[:, column]) & ~np.isnan(distances)
            order = np.argsort(distances[donors], kind="stable")
            near, values = distances[donors][order], training[donors, column][order]
            if len(near) <= n_neighbours:
                continue
            last = near[n_neighbours - 1]
            tied = np.abs(near - last) <= 1e-7 * (1 + last)
            is_cut = tied[n_neighbours]
            assert not is_cut or len(set(values[tied])) == 1, "a tie at the cut"


def knn_group(name, training, queries, numbers_of_neighbours):
    cases = []
    for weights in ["uniform", "distance"]:
        for k in numbers_of_neighbours:
            assert_no_ties(training, queries, k)
            imputer = KNNImputer(n_neighbors=k, weights=weights).fit(training)
            imputed = imputer.transform(queries)
            # Of each gap, row by row.
            gaps = imputed[np.isnan(queries)].tolist()
            cases.append({"n_neighbours": k, "weights": weights, "gaps": gaps})
    return {
        "name": name,
        "training": plain(training),
        "queries": plain(queries),
        "cases": cases,
    }


def knn_groups():
    rng = np.random.default_rng(7)
    scales = [1, 10, 0.1, 3, 1, 100]
    normal = with_gaps(rng, rng.normal(size=(60, 6)) * scales, 0.15)
    queries = with_gaps(rng, rng.normal(size=(25, 6)) * scales, 0.35)
    # One without any value: the columns' means.
    queries[0] = np.nan
    groups = [knn_group("normal", normal, queries, [1, 3, 5, 17, 100])]
    # Rows that stand there many times, and queries at distance 0 of some of them.
    distinct = rng.integers(-40, 40, size=(25, 5)).astype(np.float64) / 4
    distinct[rng.random(distinct.shape) < 0.1] = np.nan
    repeated = distinct[rng.integers(0, 25, size=90)]
    queries = repeated[:20].copy()
    queries[np.arange(20), rng.integers(0, 5, size=20)] = np.nan
    groups.append(knn_group("repeated", repeated, queries, range(1, 10)))
    # Three-valued columns: every neighbour is taken, so ties make no difference.
    signs = with_gaps(rng, rng.integers(-1, 2, size=(30, 8)), 0.2)
    queries = with_gaps(rng, rng.integers(-1, 2, size=(20, 8)), 0.3)
    groups.append(knn_group("signs", signs, queries, [30]))
    # Rows that share no column with some donors.
    apart = np.array(
        [[1, np.nan, 2], [2, np.nan, 3], [np.nan, 5, 7], [np.nan, 6, 9], [4, 4, 4]],
        dtype=np.float64,
    )
    queries = np.array([[np.nan, 5.25, np.nan], [1.75, np.nan, np.nan]])
    groups.append(knn_group("apart", apart, queries, [1, 2, 4]))
    return groups


def simple_cases():
    rng = np.random.default_rng(8)
    rows = with_gaps(rng, rng.integers(-3, 9, size=(31, 5)) / 2, 0.25)
    return [
        {
            "strategy": strategy,
            "training": plain(rows),
            "statistics": SimpleImputer(strategy=strategy).fit(rows).statistics_.tolist(),
        }
        for strategy in ["mean", "median", "most_frequent"]
    ]


def scaler_cases():
    rng = np.random.default_rng(9)
    rows = rng.normal(size=(37, 5)) * [1, 1000, 0.03, 7, 0] + [0, 5, 1, -70, 2.5]
    rows = with_gaps(rng, rows, 0.1)
    cases = []
    for name, scaler in [
        ("standard", StandardScaler()),
        ("robust", RobustScaler()),
        ("min-max", MinMaxScaler()),
    ]:
        scaled = scaler.fit_transform(rows)
        if name == "standard":
            centre, scale = scaler.mean_, scaler.scale_
        elif name == "robust":
            centre, scale = scaler.center_, scaler.scale_
        else:
            centre, scale = scaler.data_min_, 1 / scaler.scale_
        cases.append(
            {
                "scaling": name,
                "training": plain(rows),
                "centre": centre.tolist(),
                "scale": scale.tolist(),
                "scaled": plain(scaled),
            }
        )
    return cases


def encoder_case():
    rng = np.random.default_rng(10)
    names = ["tcp", "udp", "icmp", "gre", "esp"]
    # The last name never stands in the data.
    codes = rng.choice(4, size=60, p=[0.5, 0.3, 0.15, 0.05])
    column = np.array(names, dtype=object)[codes][:, None]
    labels = (rng.random(60) < np.array([0.2, 0.6, 0.9, 0.5])[codes]).astype(int)
    one_hot = OneHotEncoder(categories=[names], sparse_output=False).fit(column)
    ordinal = OrdinalEncoder(categories=[names]).fit(column)
    target = {}
    for smoothing in [0.0, 1.0, 10.0, 300.0]:
        encoder = TargetEncoder(
            categories=[names], smooth=smoothing, target_type="binary"
        ).fit(column, labels)
        every = encoder.transform(np.array(names, dtype=object)[:, None])
        target[str(smoothing)] = {
            "codes": every.ravel().tolist(),
            "unknown": float(encoder.target_mean_),
        }
    return {
        "names": names,
        "column": column.ravel().tolist(),
        "labels": labels.tolist(),
        "one_hot": plain(one_hot.transform(column)),
        "ordinal": ordinal.transform(column).ravel().tolist(),
        "target": target,
    }


json.dump(
    {
        "made_with": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "knn": knn_groups(),
        "simple": simple_cases(),
        "scalers": scaler_cases(),
        "encoders": encoder_case(),
    },
    sys.stdout,
)
print()
